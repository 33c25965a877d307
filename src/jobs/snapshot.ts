/**
 * What the watched files held when they were last worked on: so unchanged content is no change, and what changed while nobody watched is found by
 * looking. On disk in two files: what is known, written a while after a job, and the names of what was begun since it was written, noted before the job. A
 * daemon that is killed takes what was begun for changed, whatever it then is: it is worked on again, never not at all.
 */
import type { Seal } from "../sys/seal/seal.ts";
import { readSealed, writeSealed } from "../sys/seal/sealed.ts";
import { type Mark, markOf } from "../sys/watch/content.ts";

/** What changed, each as it was when it was looked at; null: it is gone. */
export type Changes = ReadonlyMap<string, Mark | null>;

interface Begun {
  version: 1;
  names: string[];
}

interface File {
  version: 1;
  /** What is watched: with other patterns what is known is of no use. */
  what: string;
  files: Record<string, Mark>;
}

export interface Known {
  /** Whether nothing was known at the start: then what is there is where it begins. */
  isNew: boolean;
  /** Whether anything was ever known of this path, or begun with it. */
  knows(path: string): boolean;
  /** What differs from what is known, of these paths. */
  changed(paths: Iterable<string>): Promise<Changes>;
  /** Paths that are known and are not among these. */
  missing(paths: ReadonlySet<string>): string[];
  /** These are being worked on as they were then: what differs from that is a change, and so is that they are gone. */
  begin(changes: Changes): void;
  /** Work on these begins, or begins again: what an earlier try of it was given is known as before. */
  drop(paths: Iterable<string>): void;
  /** From now on these are known as they were then; what changed since is a change. */
  settle(changes: Changes): void;
  save(): void;
}

const AT_ONCE = 16;

/** Differs from whatever a file may hold. */
const UNSURE: Mark = [-1, -1, ""];

/** `seal`: of the run directory the files are below. */
export function openKnown(path: string, what: string, seal: Seal): Known {
  const begunPath = path.replace(/\.json$/, ".begun.json");
  const read = readSealed(path, seal, (value) => value as File);
  const good = read.is === "there" && read.value?.version === 1 && read.value.what === what;
  const files = new Map<string, Mark>(good ? Object.entries(read.value.files) : []);
  const cutOff = readSealed(begunPath, seal, (value) => value as Begun);
  if (good && cutOff.is === "there") for (const name of cutOff.value.names) files.set(name, UNSURE);
  const begun = new Map<string, Mark | null>();
  /** Changed while they are worked on. */
  const unsure = new Set<string>();
  /** Begun, or settled and not saved yet. */
  const open = new Set<string>();
  let dirty = !good;

  function noteBegun(): void {
    writeSealed(begunPath, seal, { version: 1, names: [...open] } satisfies Begun, { durable: false });
  }

  async function look(file: string): Promise<Mark | null | undefined> {
    const mark = await compare(file);
    // Its job, which runs, may have seen this or what was before.
    if (mark !== undefined && begun.has(file)) unsure.add(file);
    return mark;
  }

  /** Undefined: it is as it is known. */
  async function compare(file: string): Promise<Mark | null | undefined> {
    const before = begun.has(file) ? (begun.get(file) ?? undefined) : files.get(file);
    const mark = await markOf(file, before);
    // Gone when its job began and gone now, it may have been there between, for the job to see.
    if (mark === null) return before === undefined && !begun.has(file) ? undefined : null;
    if (mark === before) return undefined;
    if (before?.[2] !== mark[2]) return mark;
    // The time alone changed: known from now on, so that it is not read again.
    if (begun.has(file)) begun.set(file, mark);
    else files.set(file, mark);
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
    knows: (file) => files.has(file) || begun.has(file),
    missing: (paths) => [...files.keys()].filter((file) => !paths.has(file)),
    begin(changes) {
      for (const [file, mark] of changes) {
        begun.set(file, mark);
        open.add(file);
      }
      noteBegun();
    },
    drop(paths) {
      for (const file of paths) {
        begun.delete(file);
        unsure.delete(file);
      }
    },
    settle(changes) {
      for (const [file, mark] of changes) {
        begun.delete(file);
        if (unsure.delete(file)) files.set(file, UNSURE);
        else if (mark === null) files.delete(file);
        else files.set(file, mark);
        dirty = true;
      }
    },
    save() {
      if (!dirty) return;
      dirty = false;
      writeSealed(path, seal, { version: 1, what, files: Object.fromEntries(files) } satisfies File);
      open.clear();
      for (const file of begun.keys()) open.add(file);
      noteBegun();
    },
  };
}
