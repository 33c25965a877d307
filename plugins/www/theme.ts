/**
 * The files of the theme, read once for each rendering. An asset's address carries a hash of its content, so a browser
 * may keep it forever and fetches a changed one at once, while its file name stays plain.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { SiteError } from "./site.ts";

export const THEME_DIR = join(import.meta.dir, "theme");

/** Files that pages are made from; the others are published. */
const TEMPLATES = ["page.html", "logo.svg"];
/** Published as one file, in this order: a later one may refine an earlier one. */
const STYLES = ["base.css", "top.css", "frame.css", "text.css", "home.css"];
export const STYLE = "site.css";

export interface Theme {
  has(name: string): boolean;
  text(name: string): string;
  /** Relative to the site's root: `theme/site.css?v=1a2b3c4d`. */
  url(name: string): string;
  /** The names of the files published under `theme/`. */
  assets(dev: boolean): string[];
}

/** Throws a SiteError when the folder cannot be read. */
export function readTheme(dir = THEME_DIR): Theme {
  const files = new Map<string, string>();
  try {
    for (const name of readdirSync(dir).sort()) {
      if (/^[\w-]+\.(html|svg|css|js)$/.test(name)) files.set(name, readFileSync(join(dir, name), "utf8"));
    }
  } catch (error) {
    throw new SiteError(`cannot read the theme in ${dir}: ${(error as Error).message}`);
  }
  const text = (name: string): string => {
    if (name === STYLE) return STYLES.map(text).join("\n");
    const found = files.get(name);
    if (found === undefined) throw new SiteError(`the theme in ${dir} has no file ${name}`);
    return found;
  };
  return {
    has: (name) => name === STYLE || files.has(name),
    text,
    url: (name) => `theme/${name}?v=${Bun.hash.wyhash(text(name)).toString(16).padStart(16, "0").slice(0, 8)}`,
    assets: (dev) => {
      const left = [...TEMPLATES, ...STYLES, ...(dev ? [] : ["reload.js"])];
      return [STYLE, ...[...files.keys()].filter((name) => !left.includes(name))];
    },
  };
}
