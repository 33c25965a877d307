/**
 * The tsconfig.json that Bun's resolver uses for a file: the nearest one above it, or a jsconfig.json if that folder
 * has no tsconfig.json, and the file that each one extends by its path. Like Bun, dt does not follow a list in
 * `extends`, a path without its extension, or a package.
 */
import { dirname, join, resolve } from "node:path";
import { readBytes } from "../../sys/files/plainfile.ts";
import { FILE_LIMIT } from "../model/hash.ts";

export interface TsConfig {
  file: string;
  extends: unknown;
  paths: Record<string, unknown>;
  baseUrl: string | null;
}

const NAMES = ["tsconfig.json", "jsconfig.json"];

/** All files that decide, nearest first, whether they exist or not, with the files they extend. */
export function configFiles(directory: string): string[] {
  const files: string[] = [];
  for (let at = directory; ; at = dirname(at)) {
    for (const name of NAMES) {
      const chain = chainOf(join(at, name), bunBases);
      files.push(join(at, name), ...chain.flatMap((one) => [one.file, ...bunBases(one)]));
      // It hides those farther up.
      if (chain.length > 0) return [...new Set(files)];
    }
    if (dirname(at) === at) return [...new Set(files)];
  }
}

/** The one that counts, and the files it extends; empty if there is none. */
export function configsOf(directory: string): TsConfig[] {
  return chainsAbove(directory, bunBases)[0] ?? [];
}

/** Each existing one above a folder, nearest first, with the files that it extends according to `bases`. */
export function chainsAbove(directory: string, bases: Bases): TsConfig[][] {
  const chains = NAMES.map((name) => chainOf(join(directory, name), bases)).filter((chain) => chain.length > 0);
  return dirname(directory) === directory ? chains : [...chains, ...chainsAbove(dirname(directory), bases)];
}

/** The paths that `extends` names, absolute. */
export type Bases = (config: TsConfig) => string[];

const bunBases: Bases = ({ file, extends: base }) =>
  typeof base === "string" && base !== "" ? [resolve(dirname(file), base)] : [];

function chainOf(first: string, bases: Bases): TsConfig[] {
  const chain = new Map<string, TsConfig>();
  const waiting = [first];
  for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
    const config = chain.has(file) ? null : readConfig(file);
    if (config === null) continue;
    chain.set(file, config);
    waiting.push(...bases(config));
  }
  return [...chain.values()];
}

/**
 * Where a specifier may lead according to `paths` and `baseUrl`, possibly without a file extension. The list may be too
 * long, never too short.
 */
export function targetsOf(specifier: string, directory: string): string[] {
  const chain = configsOf(directory);
  const roots = chain.flatMap(({ file, baseUrl }) => [dirname(file), ...(baseUrl === null ? [] : [baseUrl])]);
  return chain.flatMap(({ paths, baseUrl }) => [
    ...Object.entries(paths).flatMap(([pattern, targets]) => {
      const star = starOf(pattern, specifier);
      if (star === null || !Array.isArray(targets)) return [];
      const filled = targets
        .filter((one) => typeof one === "string")
        .map((one: string) => one.replace("*", () => star));
      return filled.flatMap((target) => roots.map((root) => resolve(root, target)));
    }),
    ...(baseUrl === null ? [] : [join(baseUrl, specifier)]),
  ]);
}

/** What the `*` of a pattern stands for; null if the pattern does not match. */
export function starOf(pattern: string, specifier: string): string | null {
  const [head = "", tail] = pattern.split("*");
  if (tail === undefined) return specifier === pattern ? "" : null;
  const isMatch = specifier.startsWith(head) && specifier.endsWith(tail) && specifier.length >= pattern.length - 1;
  return isMatch ? specifier.slice(head.length, specifier.length - tail.length) : null;
}

/** Null if it does not exist. One that is not valid JSON counts as empty, but still hides those above it. */
function readConfig(file: string): TsConfig | null {
  const parsed = parsedAt(file);
  if (parsed === undefined) return null;
  const { paths, baseUrl } = parsed?.compilerOptions ?? {};
  return {
    file,
    extends: parsed?.extends,
    paths: typeof paths === "object" && paths !== null ? (paths as Record<string, unknown>) : {},
    baseUrl: typeof baseUrl === "string" ? resolve(dirname(file), baseUrl) : null,
  };
}

type Parsed = { extends?: unknown; compilerOptions?: { paths?: unknown; baseUrl?: unknown } | null } | null;

function parsedAt(file: string): Parsed | undefined {
  try {
    const bytes = readBytes(file, FILE_LIMIT);
    if (bytes === null) return undefined;
    try {
      return Bun.JSONC.parse(bytes.toString("utf8")) as Parsed;
    } catch {
      return null;
    }
  } catch {
    return undefined;
  }
}
