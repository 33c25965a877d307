/** The two directions between plain text and HTML text; every other file of the plugin goes through these. */

const TO_HTML: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const TO_TEXT: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" };

/** Text made safe for an element's content and for a double-quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => TO_HTML[character] ?? character);
}

/** Undoes what Bun.markdown escapes (these names only: it writes all other characters as they are). */
export function unescapeHtml(html: string): string {
  return html.replace(/&(amp|lt|gt|quot|#39);/g, (entity, name: string) => TO_TEXT[name] ?? entity);
}

/** The text of a piece of rendered HTML, without its tags. */
export function textOf(html: string): string {
  return unescapeHtml(html.replace(/<[^>]*>/g, ""))
    .replace(/\s+/g, " ")
    .trim();
}
