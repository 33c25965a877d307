/**
 * Reads the docs folder into one plain value, the site. Everything else (pages, checks) is computed from that value, so
 * the same files always give the same site. Symbolic links are not published, and nothing is read through a link that
 * leads out of the folder.
 */
import { join } from "node:path";
import { type Within, within } from "@dialtone/dt";
import { type Markdown, renderMarkdown } from "./markdown.ts";

export interface Page extends Markdown {
  /** Path below the docs folder, with `/`: `guide.md`. */
  file: string;
  /** Path it is published under: `guide.html`. */
  path: string;
  source: string;
}

export interface Group {
  title: string;
  pages: Page[];
}

export interface Site {
  /** Absolute. */
  docs: string;
  /** Sorted by file name. */
  pages: Page[];
  /** In reading order, from nav.json; pages missing there come last, under "More". The home page is in no group. */
  groups: Group[];
  /** Files that are published as they are (images), below the docs folder. */
  files: string[];
  /** Pages that nav.json names but the folder lacks, that it names twice, or that it lacks. */
  navProblems: string[];
}

export const HOME = "index.md";
export const NAV = "nav.json";

/** An error for the author of the docs: its message is a whole sentence. */
export class SiteError extends Error {}

/** Throws a SiteError when the folder, or nav.json in it, cannot be read. */
export function readSite(docs: string): Site {
  const folder = openDocs(docs);
  const names = listFiles(folder, "").sort();
  const pages = names.filter((name) => name.endsWith(".md")).map((file) => readPage(folder, file));
  if (!pages.some((page) => page.file === HOME))
    throw new SiteError(`${join(docs, HOME)} is missing; it is the home page`);
  const { groups, problems } = arrange(pages, readNav(folder));
  const files = names.filter((name) => !name.endsWith(".md") && name !== NAV);
  return { docs, pages, groups, files, navProblems: problems };
}

function openDocs(docs: string): Within {
  try {
    return within(docs);
  } catch (error) {
    throw new SiteError(`cannot read the docs folder ${docs}: ${(error as Error).message}`);
  }
}

/** Only regular files, and no directory behind a link: a recursive readdir would follow those. */
function listFiles(folder: Within, directory: string): string[] {
  return folder
    .names(directory)
    .filter((name) => !name.startsWith(".") && !name.endsWith("~"))
    .flatMap((name) => {
      const path = join(directory, name);
      const facts = folder.stat(path);
      if (facts?.isDirectory()) return listFiles(folder, path);
      return facts?.isFile() ? [path] : [];
    });
}

function readPage(folder: Within, file: string): Page {
  const source = readText(folder, file);
  return { ...renderMarkdown(source), file, path: file.replace(/\.md$/, ".html"), source };
}

function readText(folder: Within, file: string): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(readFile(folder, file));
}

/** Reads a file of the docs, which must be a regular one. Throws a SiteError. */
export function readFile(folder: Within, file: string): Uint8Array<ArrayBuffer> {
  try {
    const bytes = folder.bytes(file);
    if (bytes === null) throw new Error("it does not exist");
    return bytes;
  } catch (error) {
    throw new SiteError(`cannot read ${join(folder.folder, file)}: ${(error as Error).message}`);
  }
}

type Nav = { title: string; pages: string[] }[];

function readNav(folder: Within): Nav {
  const path = join(folder.folder, NAV);
  const expected = `expected [{ "title": "…", "pages": ["page.md"] }]`;
  let value: unknown;
  try {
    value = JSON.parse(readText(folder, NAV));
  } catch (error) {
    if (error instanceof SiteError) throw error;
    throw new SiteError(`${path} is not JSON: ${(error as Error).message}; ${expected}`);
  }
  const isGroup = (group: Partial<Nav[number]> | null) =>
    typeof group?.title === "string" &&
    Array.isArray(group.pages) &&
    group.pages.every((page) => typeof page === "string");
  if (!Array.isArray(value) || !value.every(isGroup)) throw new SiteError(`${path} has the wrong shape; ${expected}`);
  return value as Nav;
}

function arrange(pages: Page[], nav: Nav): { groups: Group[]; problems: string[] } {
  const left = new Map(pages.filter((page) => page.file !== HOME).map((page) => [page.file, page]));
  const problems: string[] = [];
  const groups = nav.map(({ title, pages: names }) => ({
    title,
    pages: names.flatMap((name) => {
      const page = left.get(name);
      left.delete(name);
      if (page) return [page];
      const known = pages.some((each) => each.file === name);
      problems.push(known ? `"${name}" is named twice, or is the home page` : `"${name}" does not exist`);
      return [];
    }),
  }));
  if (left.size > 0) groups.push({ title: "More", pages: [...left.values()] });
  for (const file of left.keys()) problems.push(`"${file}" is in no group`);
  return { groups, problems };
}
