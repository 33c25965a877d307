/**
 * Finds names that differ only in case: Bun's resolver treats them as equal, as some file systems do and others do not.
 */
import { readdirSync } from "node:fs";
import { dirname, extname, join, resolve } from "node:path";
import { importClosureOf, importsOf } from "./closure.ts";
import { IMPORT_EXTENSIONS } from "./extensions.ts";
import { targetsOf } from "./tsconfig.ts";

/**
 * The existing path that differs only in case, or by an omitted file extension; null if there is none, or the path
 * itself exists.
 */
export function otherCapitals(path: string): string | null {
  const above = dirname(path);
  if (above === path) return path;
  const directory = namesIn(above) === null ? otherCapitals(above) : above;
  const names = directory === null ? null : namesIn(directory);
  if (directory === null || names === null) return null;
  const wanted = path.slice(above.length).replace("/", "").toLowerCase();
  const endings = ["", ...IMPORT_EXTENSIONS];
  const found = names.find((name) => endings.some((ending) => name.toLowerCase() === wanted + ending));
  return found === undefined || join(directory, found).startsWith(path) ? null : join(directory, found);
}

/** An installed package whose name differs only in case. */
export function otherPackage(name: string, importer: string): string | null {
  for (let directory = dirname(importer); ; directory = dirname(directory)) {
    const other = otherCapitals(join(directory, "node_modules", name));
    if (other !== null || dirname(directory) === directory) return other;
  }
}

function namesIn(directory: string): string[] | null {
  try {
    return readdirSync(directory);
  } catch {
    return null;
  }
}

export interface WrittenImport {
  importer: string;
  specifier: string;
}

/**
 * The import that led to a path that does not exist; searches `near` first, then every file that the manifest imports.
 */
export function importOf(
  path: string,
  { manifest, near }: { manifest: string; near: string | null },
): WrittenImport | null {
  const wanted = stemOf(path);
  for (const importer of new Set([...(near === null ? [] : [near]), ...importClosureOf(manifest)]))
    for (const specifier of importsOf(importer)) {
      const directory = dirname(importer);
      const isPath = /^\.{0,2}(\/|$)/.test(specifier);
      const stems = (isPath ? [resolve(directory, specifier)] : targetsOf(specifier, directory)).map(stemOf);
      if (stems.some((stem) => wanted === stem || wanted === `${stem}/index`)) return { importer, specifier };
    }
  return null;
}

function stemOf(path: string): string {
  return path.slice(0, path.length - extname(path).length).toLowerCase();
}
