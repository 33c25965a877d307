/** Loads changed manifests, a few at a time, and records what each outcome depends on. Not on the warm path. */
import { existsSync, lstatSync } from "node:fs";
import { dirname } from "node:path";
import { formatBytes } from "../../values/size.ts";
import { createHasher, type Digest, type Hasher } from "../depends/digest.ts";
import { answerTo } from "../depends/questions.ts";
import type { Judge } from "../discover/trust.ts";
import { importClosureOf } from "../imports/closure.ts";
import { configFiles } from "../imports/tsconfig.ts";
import { loadManifest } from "../load/load.ts";
import { FILE_LIMIT, hashOf } from "../model/hash.ts";
import { expandHome } from "../model/home.ts";
import { failed, type LoadResult, type Outcome, refusedOutcome } from "../model/outcome.ts";
import type { CacheEntry } from "./cache.ts";

/** How many children run at once: each takes a core for a tenth of a second, and 60 MB. */
const AT_ONCE = 4;

export interface ReloadOptions extends Judge {
  root: string;
  loader?: string[];
  cacheDir?: string;
  timeoutMs?: number;
}

export type Reloaded = CacheEntry & { lasting: boolean };

export async function loadAll(files: readonly string[], options: ReloadOptions): Promise<Map<string, Reloaded>> {
  const results = new Map<string, Reloaded>();
  const waiting = [...files];
  const work = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift())
      results.set(file, await reload(file, options));
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, files.length) }, work));
  return results;
}

async function reload(file: string, options: ReloadOptions): Promise<Reloaded> {
  const before = createHasher(options);
  const known = [...importClosureOf(file)];
  const digest = digestOf(known, before);
  const refused = refusalOf(known, { file, hasher: before }) ?? unreadableOutcome(file, digest[file]);
  if (refused !== null) return { outcome: refused, files: digest, env: {}, seen: {}, unknown: null, lasting: false };
  const result = await loadManifest(file, options);
  const after = createHasher(options);
  const all = [...new Set([...known, ...ownFiles(result), ...configsFor(result)])];
  const files = digestOf(all, after);
  // if a file changed during the load, it is unknown which content the outcome comes from
  const steady = known.every((path) => digest[path] === files[path]);
  const { outcome, isExpanded } = expandHome(result.outcome, options.env.HOME);
  const home = isExpanded ? { HOME: options.env.HOME === undefined ? null : hashOf(options.env.HOME) } : {};
  return {
    outcome: refusalOf(all, { file, hasher: after }) ?? outcome,
    files,
    env: { ...result.envRead, ...home },
    seen: { ...withoutFiles(result.seen, files), ...leadsOf(known) },
    unknown: result.unknown,
    lasting: result.lasting && steady,
  };
}

/** Files in node_modules are only checked for changes, not for trust. */
function ownFiles({ imported }: LoadResult): string[] {
  return imported.filter((path) => !path.includes("/node_modules/"));
}

/** Includes the tsconfig.json files of packages: Bun, which loads packages, uses those too. */
function configsFor({ imported }: LoadResult): string[] {
  const folders = new Set(imported.map((path) => dirname(path)));
  // In a package only existing ones count, since its package.json decides: a hundred folders lack two hundred of them.
  const counts = (path: string) => !path.includes("/node_modules/") || existsSync(path);
  return [...folders].flatMap(configFiles).filter(counts);
}

/** Where links lead: a file with the same bytes in another place imports other files. */
function leadsOf(paths: readonly string[]): Digest {
  const links = paths.filter(
    (path) => !path.endsWith("/") && lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink(),
  );
  return Object.fromEntries(links.map((path) => [`real ${path}`, answerTo(`real ${path}`)]));
}

/** Drops the questions for the content of files that are in the digest. */
function withoutFiles(seen: LoadResult["seen"], files: Digest): Digest {
  const isHashed = (question: string) =>
    question.startsWith("content ") && Object.hasOwn(files, question.slice("content ".length));
  return Object.fromEntries(Object.entries(seen).filter(([question]) => !isHashed(question)));
}

function digestOf(paths: readonly string[], hasher: Hasher): Digest {
  return Object.fromEntries(paths.map((path) => [path, hasher.hash(path)]));
}

function refusalOf(paths: readonly string[], { file, hasher }: { file: string; hasher: Hasher }): Outcome | null {
  for (const path of paths) {
    const refused = hasher.refusal(path);
    if (refused !== null) return refusedOutcome(file, refused);
  }
  return null;
}

function unreadableOutcome(file: string, hash: string | null | undefined): Outcome | null {
  if (typeof hash === "string" && !/^(unreadable|size) /.test(hash)) return null;
  const reason = hash?.startsWith("size ")
    ? `is too large for a manifest (more than ${formatBytes(FILE_LIMIT)})`
    : `cannot be read (${hash?.split(" ")[1] ?? "gone"})`;
  return failed({ file, code: "unreadable", message: `${file}: ${reason}.` });
}
