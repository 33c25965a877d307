/**
 * Finds problems in the docs, as a list of file, line and sentence. Links come from the rendered page, so code never
 * counts as one; the line is that of the target's text in the source. Addresses on the network are not checked.
 */
import { posix } from "node:path";
import type { Reference } from "./markdown.ts";
import { NAV, type Page, type Site } from "./site.ts";

export interface Problem {
  /** Path below the docs folder. */
  file: string;
  /** Counted from 1. */
  line: number;
  message: string;
}

export function checkSite(site: Site): Problem[] {
  const nav = site.navProblems.map((message) => ({ file: NAV, line: 1, message }));
  return [...nav, ...site.pages.flatMap((page) => [...checkStructure(page), ...checkReferences(page, site)])];
}

function checkStructure(page: Page): Problem[] {
  const lines = proseLines(page.source);
  const problem = (line: number, message: string): Problem => ({ file: page.file, line, message });
  const lineOf = (text: string) =>
    lines.findIndex((line) => /^#{1,6}\s/.test(line) && plain(line).includes(plain(text))) + 1 || 1;
  const titles = page.headings.filter((heading) => heading.level === 1);
  const found: Problem[] = [];
  if (titles.length === 0) found.push(problem(1, 'has no title: begin the page with one "# Title" line'));
  else if (titles[0]?.text === "") found.push(problem(1, "has an empty title"));
  else if (page.headings[0]?.level !== 1) found.push(problem(1, "has a heading above its title"));
  for (const extra of titles.slice(1)) {
    found.push(problem(lineOf(extra.text), `has a second title, "${extra.text}": a page has one "#" heading`));
  }
  if (page.description === "") found.push(problem(1, "has no first paragraph, which is the page's description"));
  page.headings.forEach((heading, index) => {
    const before = page.headings[index - 1];
    if (before && heading.level > before.level + 1) {
      const sentence = `"${heading.text}" is a level ${heading.level} heading directly below a level ${before.level} one`;
      found.push(problem(lineOf(heading.text), sentence));
    }
  });
  return found;
}

function checkReferences(page: Page, site: Site): Problem[] {
  const seen = new Set<string>();
  return page.references.flatMap((reference) => {
    const message = judge(reference, { page, site });
    if (message === undefined || seen.has(message)) return [];
    seen.add(message);
    return linesOf(reference, page).map((line) => ({ file: page.file, line, message }));
  });
}

/** The problem with one link or image, or undefined. */
function judge({ kind, target, alt }: Reference, { page, site }: { page: Page; site: Site }): string | undefined {
  if (kind === "image" && alt.trim() === "")
    return `image "${target}" has no description: write ![what it shows](${target})`;
  if (/^(https?|mailto):/i.test(target)) return undefined;
  if (/^[a-z][a-z0-9+.-]*:/i.test(target)) return `${kind} "${target}" has a scheme that a page should not use`;
  if (target.startsWith("/")) return `${kind} "${target}" is absolute: write it relative to this page`;
  const [, path = "", anchor] = /^([^#?]*)(?:\?[^#]*)?(?:#(.*))?$/s.exec(target) ?? [];
  const file = path === "" ? page.file : posix.normalize(posix.join(posix.dirname(page.file), path));
  if (file.startsWith("../")) return `${kind} "${target}" leads out of the docs folder, which is all that is published`;
  const other = site.pages.find((each) => each.file === file);
  if (!other) return site.files.includes(file) ? undefined : `${kind} "${target}" leads nowhere: there is no ${file}`;
  if (kind === "image") return `image "${target}" is a page`;
  if (anchor === undefined || other.headings.some((heading) => heading.id === anchor)) return undefined;
  return `link "${target}" leads nowhere: ${other.file} has no heading "#${anchor}"`;
}

/** Every line outside code that holds the target; line 1 if the search does not find its spelling. */
function linesOf({ target }: Reference, page: Page): number[] {
  const lines = proseLines(page.source);
  const spellings = [target, encodeURI(target)].flatMap((text) => [`(${text}`, `<${text}`, `]: ${text}`, `"${text}"`]);
  const found = lines.flatMap((line, index) => (spellings.some((text) => holds(line, text)) ? [index + 1] : []));
  return found.length > 0 ? found : [1];
}

/** `(a.md` must not be found in `(a.md#b`. */
function holds(line: string, text: string): boolean {
  const at = line.indexOf(text);
  return at >= 0 && !/[\w#./-]/.test(line[at + text.length] ?? "");
}

function plain(text: string): string {
  return text.replace(/[^\p{L}\p{N}]/gu, "").toLowerCase();
}

/** The lines of the source, with those inside fenced code emptied. */
function proseLines(source: string): string[] {
  let fence = "";
  return source.split("\n").map((line) => {
    const mark = /^\s*(`{3,}|~{3,})/.exec(line)?.[1];
    if (fence === "") {
      fence = mark ?? "";
      return mark ? "" : line;
    }
    if (mark?.startsWith(fence)) fence = "";
    return "";
  });
}
