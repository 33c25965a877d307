/**
 * Turns one Markdown text into the parts of a page: HTML, title, description, headings, links. Heading ids follow
 * GitHub's rule, so a link with an anchor works both here and on GitHub.
 *
 * This works on the output of Bun.markdown, in which code is escaped: a `<h2>` or `<a` found there is a real one. HTML
 * in the source is plain text (except `<br>`, the only way to break a line in a table), and a link or image with a
 * scheme that may run something leads nowhere.
 */
import { textOf, unescapeHtml } from "./escape.ts";
import { highlight } from "./highlight.ts";

export interface Heading {
  level: number;
  id: string;
  text: string;
}

/** A target as the author wrote it, with percent-encoding and entities decoded. */
export interface Reference {
  kind: "link" | "image";
  target: string;
  /** The image's description; empty for a link. */
  alt: string;
}

export interface Markdown {
  /** The text of the first h1, or "". */
  title: string;
  /** The text of the first paragraph, or "". */
  description: string;
  html: string;
  headings: Heading[];
  references: Reference[];
}

/** Never throws: any text is Markdown. */
export function renderMarkdown(source: string): Markdown {
  let html = restoreSome(
    Bun.markdown.html(withoutMarks(source), { autolinks: { url: true }, noHtmlBlocks: true, noHtmlSpans: true }),
  );
  const references = findReferences(html);
  const headings: Heading[] = [];
  const taken = new Map<string, number>();
  html = html.replace(/<h([1-6])>(.*?)<\/h\1>/gs, (_all, level: string, inner: string) => {
    const heading = { level: Number(level), id: uniqueId(textOf(inner), taken), text: textOf(inner) };
    headings.push(heading);
    return renderHeading(heading, inner);
  });
  const description = textOf(/<p>(.*?)<\/p>/s.exec(html)?.[1] ?? "");
  html = html.replace(/<pre><code(?: class="language-([^"]*)")?>(.*?)<\/code><\/pre>/gs, (_all, language, code) =>
    renderCode(unescapeHtml(code), language ?? ""),
  );
  html = html
    .replace(/<table>/g, '<div class="table" role="region" aria-label="Table" tabindex="0"><table>')
    .replace(/<\/table>/g, "</table></div>")
    .replace(/<(th|td) align="(left|center|right)"/g, '<$1 class="$2"')
    .replace(/<th(?=[ >])/g, '<th scope="col"')
    .replace(/<blockquote>\s*<p>\[!(NOTE|WARNING)\]\s*/g, (_all, kind: string) => openNote(kind))
    .replace(/(<a href=")([^"]*)"/g, (_all, before: string, href: string) => `${before}${publishedHref(href)}"`)
    .replace(/(<img src=")([^"]*)"/g, (_all, before: string, src: string) => `${before}${isSafe(src) ? src : ""}"`);
  return { title: headings.find((each) => each.level === 1)?.text ?? "", description, html, headings, references };
}

/** `guide.md#x` is published as `guide.html#x`; full URLs and bare anchors stay. */
function publishedHref(href: string): string {
  if (!isSafe(href)) return "#";
  return SCHEME.test(href) ? href : href.replace(/\.md(?=#|\?|$)/, ".html");
}

const SCHEME = /^[a-z][a-z0-9+.-]*:/i;

/** Browsers drop blanks and control characters before they look for a scheme. */
function isSafe(address: string): boolean {
  const bare = unescapeHtml(address).replace(/[\u0000-\u0020\u007f]|%(?:0[0-9a-f]|1[0-9a-f]|20|7f)/gi, "");
  return !SCHEME.test(bare) || /^(?:https?|mailto):/i.test(bare);
}

/** Removes comments that stand alone on a line: they mark a region for a tool and are not text of the page. */
function withoutMarks(source: string): string {
  let fence = "";
  return source
    .split("\n")
    .map((line) => {
      const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
      if (fence === "" && mark !== undefined) fence = mark;
      else if (mark?.startsWith(fence)) fence = "";
      return fence === "" && /^<!-- [\w: -]{1,80} -->\s{0,80}$/.test(line) ? "" : line;
    })
    .join("\n");
}

/** Restores, outside code, the HTML that Bun.markdown was told to escape but pages need: `<br>` and `<https://…>`. */
function restoreSome(html: string): string {
  return html.replace(
    /<code.*?<\/code>|&lt;br&gt;|&lt;(https?:\/\/(?:[^\s<>&"]|&amp;){1,1999})&gt;/gs,
    (part, url: string | undefined) =>
      url !== undefined ? `<a href="${url}">${url}</a>` : part.startsWith("<code") ? part : "<br>",
  );
}

function findReferences(html: string): Reference[] {
  const found: Reference[] = [];
  for (const [tag, name] of html.matchAll(/<(a|img)\b[^>]*>/g)) {
    const target = /\b(?:href|src)="([^"]*)"/.exec(tag)?.[1];
    if (target === undefined) continue;
    const alt = unescapeHtml(/\balt="([^"]*)"/.exec(tag)?.[1] ?? "");
    found.push({ kind: name === "a" ? "link" : "image", target: decode(unescapeHtml(target)), alt });
  }
  return found;
}

function decode(target: string): string {
  try {
    return decodeURIComponent(target);
  } catch {
    return target; // a stray % is not an encoding
  }
}

/** GitHub's rule: lowercase; letters, digits, `_` and `-` stay, spaces become `-`; repeats get `-1`, `-2`. */
function uniqueId(text: string, taken: Map<string, number>): string {
  const id = text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .replace(/\s/g, "-");
  const count = taken.get(id) ?? 0;
  taken.set(id, count + 1);
  return count === 0 ? id : `${id}-${count}`;
}

function renderHeading({ level, id, text }: Heading, inner: string): string {
  if (level === 1) return `<h1 id="${Bun.escapeHTML(id)}">${inner}</h1>`;
  const label = Bun.escapeHTML(`Link to “${text}”`);
  return `<h${level} id="${Bun.escapeHTML(id)}">${inner} <a class="anchor" href="#${Bun.escapeHTML(id)}" aria-label="${label}">#</a></h${level}>`;
}

function renderCode(code: string, language: string): string {
  const name = Bun.escapeHTML(language);
  const inner = highlight(code.replace(/\n$/, ""), language);
  return `<div class="code" data-language="${name}"><pre tabindex="0"><code>${inner}</code></pre></div>`;
}

function openNote(kind: string): string {
  const name = kind.toLowerCase();
  return `<blockquote class="note ${name}"><p><strong class="label">${name === "note" ? "Note" : "Careful"}</strong> `;
}
