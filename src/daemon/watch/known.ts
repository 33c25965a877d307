/**
 * What the watched files held when they were last worked on: so unchanged content is no change, and what changed while nobody watched is found by
 * looking. On disk, written after a job and not before it: a daemon that is killed in a job finds the same change again.
 */
import { createReadStream } from "node:fs";
import { readJson, writeJson } from "../../sys/files.ts";
import { statOf } from "../../sys/stat.ts";

/** Size and time of a file, and the digest of its content. */
type Mark = [size: number, mtimeMs: number, digest: string];

/** What changed, each as it was when it was looked at; null: it is gone. */
export type Changes = ReadonlyMap<string, Mark | null>;

interface File {
  version: 1;
  /** What is watched: with other patterns what is known is of no use. */
  what: string;
  files: Record<string, Mark>;
}

export interface Known {
  /** Whether nothing was known at the start: then what is there is where it begins. */
  isNew: boolean;
  /** What differs from what is known, of these paths. */
  changed(paths: Iterable<string>): Promise<Changes>;
  /** Paths that are known and are not among these. */
  missing(paths: ReadonlySet<string>): string[];
  /** From now on these are known as they were then; what changed since is a change. */
  settle(changes: Changes): void;
  save(): void;
}

const AT_ONCE = 16;

export function openKnown(path: string, what: string): Known {
  const read = readJson(path, (value) => value as File);
  const good = read.is === "there" && read.value?.version === 1 && read.value.what === what;
  const files = new Map<string, Mark>(good ? Object.entries(read.value.files) : []);
  let dirty = !good;

  /** Undefined: it is as it is known. */
  async function look(file: string): Promise<Mark | null | undefined> {
    const before = files.get(file);
    const stat = statOf(file);
    if (stat === undefined || !stat.isFile()) return before === undefined ? undefined : null;
    if (before !== undefined && before[0] === stat.size && before[1] === stat.mtimeMs) return undefined;
    const digest = await digestOf(file);
    if (digest === null) return before === undefined ? undefined : null;
    const mark: Mark = [stat.size, stat.mtimeMs, digest];
    if (before?.[2] !== digest) return mark;
    // The time alone changed: known from now on, so that it is not read again.
    files.set(file, mark);
    dirty = true;
    return undefined;
  }

  return {
    isNew: !good,
    async changed(paths) {
      const found: [string, Mark | null][] = [];
      const waiting = [...paths];
      const worker = async () => {
        for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
          const mark = await look(file);
          if (mark !== undefined) found.push([file, mark]);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
      return new Map(found.sort(([a], [b]) => (a < b ? -1 : 1)));
    },
    missing: (paths) => [...files.keys()].filter((file) => !paths.has(file)),
    settle(changes) {
      for (const [file, mark] of changes) {
        if (mark === null) files.delete(file);
        else files.set(file, mark);
        dirty = true;
      }
    },
    save() {
      if (!dirty) return;
      dirty = false;
      writeJson(path, { version: 1, what, files: Object.fromEntries(files) } satisfies File);
    },
  };
}

/** Null when it cannot be read. */
async function digestOf(file: string): Promise<string | null> {
  const hasher = new Bun.CryptoHasher("sha1");
  try {
    for await (const chunk of createReadStream(file)) hasher.update(chunk as Uint8Array);
    return hasher.digest("base64url");
  } catch {
    return null;
  }
}
