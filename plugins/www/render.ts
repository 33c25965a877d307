/**
 * Renders the whole site as a map from published path to content. `build` writes this map to disk and `server` answers
 * from it, so development shows exactly what is published, except for the reload script.
 */
import { within } from "@dialtone/dt";
import { type PageOptions, renderNotFound, renderPage } from "./page.ts";
import { readFile, readSite, type Site, SiteError } from "./site.ts";
import { readTheme } from "./theme.ts";

export const NOT_FOUND = "404.html";

export interface Rendering {
  site: Site;
  /** By path without a leading slash: `index.html`, `theme/site.css`, `images/site.png`. */
  files: Map<string, string | Uint8Array>;
}

/** Reads everything again and keeps nothing: the same files give the same bytes. Throws a SiteError. */
export function renderSite(docs: string, options: PageOptions = {}): Rendering {
  const site = readSite(docs);
  const theme = readTheme();
  const files: Rendering["files"] = new Map();
  const add = (path: string, content: string | Uint8Array) => {
    if (files.has(path)) throw new SiteError(`two files would be published as ${path}`);
    files.set(path, content);
  };
  for (const page of site.pages) add(page.path, renderPage(page, { site, theme, ...options }));
  add(NOT_FOUND, renderNotFound(site, { theme, ...options }));
  for (const name of theme.assets(options.version !== undefined)) add(`theme/${name}`, theme.text(name));
  const folder = within(docs);
  for (const name of site.files) add(name, readFile(folder, name));
  return { site, files };
}
