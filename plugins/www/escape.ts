/** Makes addresses of files, and plain text from the HTML of Bun.markdown; `Bun.escapeHTML` is the other direction. */

const TO_TEXT: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" };

/** Undoes the escapes of Bun.markdown (only these names: it writes all other characters as they are). */
export function unescapeHtml(html: string): string {
  return html.replace(/&(amp|lt|gt|quot|#39);/g, (entity, name: string) => TO_TEXT[name] ?? entity);
}

/** The text of a piece of rendered HTML, without its tags. */
export function textOf(html: string): string {
  return unescapeHtml(html.replace(/<[^>]*>/g, ""))
    .replace(/\s+/g, " ")
    .trim();
}

/** A published path as a relative address: no file name can pass for a scheme, a query or the end of an attribute. */
export function addressOf(path: string): string {
  return Bun.escapeHTML(path.split("/").map(encodeURIComponent).join("/"));
}
