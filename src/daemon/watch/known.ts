/**
 * What the watched files held when they were last worked on: so unchanged content is no change, and what changed while nobody watched is found by
 * looking. On disk, written after a job and not before it: a daemon that is killed in a job finds the same change again.
 */
import { createReadStream } from "node:fs";
import { readJson, writeJson } from "../../sys/files.ts";
import { statOf } from "../../sys/stat.ts";

/** Size and time of a file, and the digest of its content. */
type Mark = [size: number, mtimeMs: number, digest: string];

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
  changed(paths: Iterable<string>): Promise<string[]>;
  /** Paths that are known and are not among these. */
  missing(paths: ReadonlySet<string>): string[];
  /** From now on these are known as `changed` last saw them. */
  settle(paths: Iterable<string>): void;
  save(): void;
}

const AT_ONCE = 16;

export function openKnown(path: string, what: string): Known {
  const read = readJson(path, (value) => value as File);
  const good = read.is === "there" && read.value?.version === 1 && read.value.what === what;
  const files = new Map<string, Mark>(good ? Object.entries(read.value.files) : []);
  const seen = new Map<string, Mark | null>();
  let dirty = !good;

  async function look(file: string): Promise<boolean> {
    const before = files.get(file);
    const stat = statOf(file);
    if (stat === undefined || !stat.isFile()) {
      seen.set(file, null);
      return before !== undefined;
    }
    if (before !== undefined && before[0] === stat.size && before[1] === stat.mtimeMs) {
      seen.set(file, before);
      return false;
    }
    const digest = await digestOf(file);
    const mark: Mark | null = digest === null ? null : [stat.size, stat.mtimeMs, digest];
    seen.set(file, mark);
    const same = before !== undefined && mark !== null && before[2] === mark[2];
    // The time alone changed: known from now on, so that it is not read again.
    if (same) {
      files.set(file, mark);
      dirty = true;
    }
    return !same && !(before === undefined && mark === null);
  }

  return {
    isNew: !good,
    async changed(paths) {
      const found: string[] = [];
      const waiting = [...paths];
      const worker = async () => {
        for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) if (await look(file)) found.push(file);
      };
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
      return found.sort();
    },
    missing: (paths) => [...files.keys()].filter((file) => !paths.has(file)),
    settle(paths) {
      for (const file of paths) {
        const mark = seen.get(file);
        if (mark === undefined) continue;
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
