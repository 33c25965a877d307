/**
 * Whose a folder named `manifests` is: dt's, or another tool's (Kubernetes, a browser's extensions, packages). Looks at names and, until one file decides,
 * at the beginning of files. On the path of every call, so plain synchronous calls.
 *
 *   own      it is empty, or a file in it names what only a manifest of dt has, or it cannot be looked into: that is told by who loads it
 *   foreign  no file is dt's, and one is known to be another tool's
 *   unclear  neither: it counts where no folder above is dt's own
 */
import { readdirSync } from "node:fs";
import { extname, join } from "node:path";
import { errnoOf } from "./error.ts";
import { readBytes } from "./plainfile.ts";

export type Ownership = { is: "own" } | { is: "unclear" } | { is: "foreign"; file: string; of: string };

const CODE = new Set([".ts", ".mts", ".cts", ".js", ".mjs", ".cjs"]);
const DATA = new Set([".json", ".yaml", ".yml", ".toml"]);

/** A manifest names these: `commands` is required, and code imports from dt or passes them on. */
const CODE_OF_DT = /@dialtone\/dt|\bdefinePlugin\b|\bcommands\b/;
const DATA_OF_DT = /(?:^|[{,])\s*["']?commands["']?\s*:|^\s*\[\s*commands\b|^\s*commands\b[^\n]*=/m;

const THEIR_FIELDS = ["apiVersion", "manifest_version", "start_url", "short_name", "app-id", "runtime-version"];

/** Where another tool's words are in it too, in an environment or a here-document: what it is made of says whose it is. */
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

/** What the first words of a file say, by the tool. */
const OTHERS: readonly [string, RegExp][] = [
  ["Kubernetes", /(?:^|[{,]\s*)["']?apiVersion["']?\s*:/m],
  ["a browser's extension", /["']manifest_version["']\s*:/],
  ["a web application", /["'](?:start_url|short_name)["']\s*:/],
  ["winget", /^PackageIdentifier\s*:/m],
  ["Flatpak", /(?:^|[{,]\s*)["']?(?:app-id|runtime-version)["']?\s*:/m],
  ["Cloud Foundry", /^applications\s*:/m],
];

/** A manifest of dt names itself and its commands long before this. */
const LIMIT = 1024 * 1024;

/** Of more files than this the rest is not looked at. */
const MOST = 64;

export function judgeManifestFolder(directory: string): Ownership {
  let names: string[];
  try {
    names = readdirSync(directory).filter((name) => !name.startsWith("."));
  } catch {
    return { is: "own" };
  }
  if (names.length === 0) return { is: "own" };
  let other: Ownership = { is: "unclear" };
  for (const name of names.sort().slice(0, MOST)) {
    const ending = extname(name);
    const isData = DATA.has(ending.toLowerCase());
    if (!isData && !CODE.has(ending)) continue;
    const text = beginningOf(join(directory, name));
    if (text === null) return { is: "own" };
    const of = isData ? OTHERS.find(([, mark]) => mark.test(text))?.[0] : undefined;
    if (of !== undefined && !isSurelyOfDt(text, ending.toLowerCase()))
      other = other.is === "foreign" ? other : { is: "foreign", file: name, of };
    else if ((isData ? DATA_OF_DT : CODE_OF_DT).test(text)) return { is: "own" };
  }
  return other;
}

/** Null: it may not be read, which whoever loads it says. */
function beginningOf(path: string): string | null {
  try {
    return readBytes(path, LIMIT)?.toString("utf8") ?? "";
  } catch (error) {
    return errnoOf(error) === "ENOENT" || errnoOf(error) === "EISDIR" ? "" : null;
  }
}
