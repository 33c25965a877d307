/**
 * Tells whether a folder named `manifests` belongs to dt or to another tool (Kubernetes, a browser extension, a package
 * manager). It looks at file names, then reads files until one decides. Every call of dt runs this, so the file system
 * calls are plain and synchronous.
 *
 *   own      it is empty, or a file in it names what only a dt manifest has, or it cannot be read (the loader says so)
 *   foreign  no file is dt's, and at least one is known to be another tool's
 *   unclear  neither: it counts only where no folder above is dt's own
 */
import { readdirSync } from "node:fs";
import { extname, join } from "node:path";
import { errnoOf } from "../base/error.ts";
import { lazy } from "../base/lazy.ts";
import { readBytes } from "../files/plainfile.ts";

export type FolderOwnership = { is: "own" } | { is: "unclear" } | { is: "foreign"; file: string; of: string };

const CODE = new Set([".ts", ".mts", ".cts", ".js", ".mjs", ".cjs"]);
const DATA = new Set([".json", ".yaml", ".yml", ".toml"]);

/** A manifest holds one of these: `commands` is required, and code imports from dt or passes the commands on. */
const CODE_OF_DT = /@dialtone\/dt|\bdefinePlugin\b|\bcommands\b/;
const dataOfDt = lazy(() => /(?:^|[{,])\s*["']?commands["']?\s*:|^\s*\[\s*commands\b|^\s*commands\b[^\n]*=/m);

const THEIR_FIELDS = ["apiVersion", "manifest_version", "start_url", "short_name", "app-id", "runtime-version"];

/** For a file that holds another tool's words too, in an environment or a here-document: its structure decides. */
function isSurelyOfDt(text: string, ending: string): boolean {
  if (ending === ".toml") return /^\s*\[\s*commands\b/m.test(text);
  if (ending !== ".json") return /^["']?commands["']?\s*:/m.test(text) && /^["']?name["']?\s*:/m.test(text);
  try {
    const { name, commands, ...rest } = JSON.parse(text) as Record<string, unknown>;
    return name !== undefined && commands !== undefined && !THEIR_FIELDS.some((field) => field in rest);
  } catch {
    return false;
  }
}

/** By tool, a field that marks a file as that tool's. Made on first use: a folder of code needs no such pattern. */
const others = lazy((): readonly [string, RegExp][] => [
  ["Kubernetes", /(?:^|[{,]\s*)["']?apiVersion["']?\s*:/m],
  ["a browser extension", /["']manifest_version["']\s*:/],
  ["a web application", /["'](?:start_url|short_name)["']\s*:/],
  ["winget", /^PackageIdentifier\s*:/m],
  ["Flatpak", /(?:^|[{,]\s*)["']?(?:app-id|runtime-version)["']?\s*:/m],
  ["Cloud Foundry", /^applications\s*:/m],
]);

/** In bytes. A dt manifest is far smaller; a larger file is not read and decides nothing. */
const LIMIT = 1024 * 1024;

/** At most this many files are looked at. */
const MOST = 64;

export function judgeManifestFolder(directory: string): FolderOwnership {
  let names: string[];
  try {
    names = readdirSync(directory).filter((name) => !name.startsWith("."));
  } catch {
    return { is: "own" };
  }
  if (names.length === 0) return { is: "own" };
  let other: FolderOwnership = { is: "unclear" };
  for (const name of names.sort().slice(0, MOST)) {
    const ending = extname(name);
    const isData = DATA.has(ending.toLowerCase());
    if (!isData && !CODE.has(ending)) continue;
    const text = beginningOf(join(directory, name));
    if (text === null) return { is: "own" };
    const of = isData ? others().find(([, mark]) => mark.test(text))?.[0] : undefined;
    if (of !== undefined && !isSurelyOfDt(text, ending.toLowerCase()))
      other = other.is === "foreign" ? other : { is: "foreign", file: name, of };
    else if ((isData ? dataOfDt() : CODE_OF_DT).test(text)) return { is: "own" };
  }
  return other;
}

/** Null: it cannot be read; the loader reports that. */
function beginningOf(path: string): string | null {
  try {
    return readBytes(path, LIMIT)?.toString("utf8") ?? "";
  } catch (error) {
    return errnoOf(error) === "ENOENT" || errnoOf(error) === "EISDIR" ? "" : null;
  }
}
