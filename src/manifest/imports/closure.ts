/**
 * What a manifest imports, found without running it: relative imports and aliases of a tsconfig.json are followed to
 * the end, packages are represented by their package.json. A place where a file could appear and win is included, as
 * absent. A path too many costs a reload; a missing one costs a stale index.
 *
 * Known limit: for an alias that code computes, or one inside a package, only the file that it led to counts, not the
 * places that would win.
 */
import { realpathSync, statSync } from "node:fs";
import { dirname, extname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { readBytes } from "../../sys/files/plainfile.ts";
import { FILE_LIMIT } from "../model/hash.ts";
import { IMPORT_EXTENSIONS } from "./extensions.ts";
import { isFile, packageOf } from "./installed.ts";
import { configFiles, targetsOf } from "./tsconfig.ts";

const CODE = new Set([".ts", ".mts", ".cts", ".tsx", ".js", ".mjs", ".cjs", ".jsx"]);

/** If jiti finds nothing, it asks Bun, which knows one more extension. */
const ENDINGS = [...IMPORT_EXTENSIONS, ".jsx"];

/** An import with the extension of compiled output may mean the source. */
const SOURCES: Record<string, string[]> = {
  ".js": [".ts", ".tsx"],
  ".mjs": [".mts"],
  ".cjs": [".cts"],
  ".jsx": [".tsx"],
};

/** All these paths, existing or not; a directory ends in `/`. */
export function importClosureOf(file: string): Set<string> {
  const real = realOf(file);
  const paths = new Set([file, real]);
  const queue = [real];
  for (let current = queue.pop(); current !== undefined; current = queue.pop()) {
    if (!CODE.has(extname(current))) continue;
    for (const config of configFiles(dirname(current))) paths.add(config);
    for (const specifier of importsOf(current)) {
      for (const path of candidatesOf(current, specifier)) {
        if (paths.has(path)) continue;
        paths.add(path);
        if (!path.endsWith("/") && isFile(path)) queue.push(realOf(path));
      }
    }
  }
  return paths;
}

/** Imports are resolved from the target of a link. */
function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** Empty for a file that cannot be read or parsed: then only the file itself can change the outcome. */
export function importsOf(file: string): string[] {
  const loader = extname(file).endsWith("x") ? "tsx" : "ts";
  try {
    const source = readBytes(file, FILE_LIMIT);
    return source === null ? [] : new Bun.Transpiler({ loader }).scanImports(source).map((found) => found.path);
  } catch {
    return [];
  }
}

function candidatesOf(importer: string, specifier: string): string[] {
  if (specifier === "@dialtone/dt" || /^(node|bun|data|https?):/.test(specifier)) return [];
  if (specifier.startsWith("file:")) return [fileURLToPath(specifier)];
  const directory = dirname(importer);
  if (/^\.{0,2}(\/|$)/.test(specifier)) return fileCandidates(resolve(directory, specifier));
  return [...targetsOf(specifier, directory).flatMap(fileCandidates), ...packageCandidates(directory, specifier)];
}

function fileCandidates(base: string): string[] {
  if (isFile(base)) return [base];
  const written = extname(base);
  const swapped = (SOURCES[written] ?? []).map((source) => base.slice(0, -written.length) + source);
  const candidates = [base, ...swapped, ...ENDINGS.map((ending) => base + ending), `${base}/`];
  if (isDirectory(base))
    candidates.push(join(base, "package.json"), ...ENDINGS.map((ending) => join(base, `index${ending}`)));
  return candidates;
}

/**
 * The package.json that was found, and the nearer ones that would win if they appeared. Also each node_modules folder,
 * since a package needs no package.json.
 */
function packageCandidates(from: string, specifier: string): string[] {
  const name = packageOf(specifier);
  const candidates: string[] = [];
  for (let directory = from; ; directory = dirname(directory)) {
    const candidate = join(directory, "node_modules", name, "package.json");
    candidates.push(`${join(directory, "node_modules")}/`, candidate);
    if (isFile(candidate) || dirname(directory) === directory) return candidates;
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
