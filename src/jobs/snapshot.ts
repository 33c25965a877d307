/**
 * What the watched files held when they were last worked on. So a file whose content is unchanged has not changed, and
 * changes made while nothing watched are found by looking. On disk in two files: the known contents, written a while
 * after a job; and the names of the files whose work was begun since, written before the job. If the daemon is killed,
 * those count as changed, whatever they then hold: they are worked on again rather than not at all.
 */
import type { Seal } from "../sys/seal/seal.ts";
import { readSealed, writeSealed } from "../sys/seal/sealed.ts";
import { type ContentMark, contentMarkOf } from "../sys/watch/content.ts";

/** The files that changed, each as it was when it was looked at; null: it is gone. */
export type Changes = ReadonlyMap<string, ContentMark | null>;

interface Begun {
  version: 1;
  names: string[];
}

interface File {
  version: 1;
  /** Which watch it is of: contents known for other patterns are of no use. */
  what: string;
  files: Record<string, ContentMark>;
}

export interface Known {
  /** Whether nothing was known at the start: then the files as they are found are the beginning. */
  isNew: boolean;
  /** Whether anything was ever known of this path, or begun with it. */
  knows(path: string): boolean;
  /** Those of these paths that differ from what is known. */
  changed(paths: Iterable<string>): Promise<Changes>;
  /** Paths that are known and are not among these. */
  missing(paths: ReadonlySet<string>): string[];
  /** These are being worked on as they were then: any difference from that is a change, and so is their removal. */
  begin(changes: Changes): void;
  /** Work on these begins, or begins again: what an earlier try was given no longer counts. */
  drop(paths: Iterable<string>): void;
  /** From now on these are known as they were then; any later change is a change. */
  settle(changes: Changes): void;
  save(): void;
}

const AT_ONCE = 16;

/** Differs from the mark of every file. */
const UNSURE: ContentMark = [-1, -1, ""];

interface KnownState {
  path: string;
  begunPath: string;
  seal: Seal;
  what: string;
  files: Map<string, ContentMark>;
  /** As they were when the work on them began. */
  begun: Map<string, ContentMark | null>;
  /** Changed while they are worked on. */
  unsure: Set<string>;
  /** Begun, or settled and not saved yet. */
  open: Set<string>;
  dirty: boolean;
}

/** `seal`: of the run directory that holds the files. */
export function openKnown(path: string, { what, seal }: { what: string; seal: Seal }): Known {
  const begunPath = path.replace(/\.json$/, ".begun.json");
  const read = readSealed(path, { seal, check: (value) => value as File });
  const good = read.is === "there" && read.value?.version === 1 && read.value.what === what;
  const files = new Map<string, ContentMark>(good ? Object.entries(read.value.files) : []);
  const cutOff = readSealed(begunPath, { seal, check: (value) => value as Begun });
  if (good && cutOff.is === "there") for (const name of cutOff.value.names) files.set(name, UNSURE);
  const begun = new Map<string, ContentMark | null>();
  const state: KnownState = {
    path,
    begunPath,
    seal,
    what,
    files,
    begun,
    unsure: new Set(),
    open: new Set(),
    dirty: !good,
  };
  return {
    isNew: !good,
    changed: (paths) => findChanged(state, paths),
    knows: (file) => files.has(file) || begun.has(file),
    missing: (paths) => [...files.keys()].filter((file) => !paths.has(file)),
    begin: (changes) => begin(state, changes),
    drop(paths) {
      for (const file of paths) {
        begun.delete(file);
        state.unsure.delete(file);
      }
    },
    settle: (changes) => settle(state, changes),
    save: () => save(state),
  };
}

async function findChanged(state: KnownState, paths: Iterable<string>): Promise<Changes> {
  const found: [string, ContentMark | null][] = [];
  const waiting = [...paths];
  const worker = async () => {
    for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
      const mark = await look(state, file);
      if (mark !== undefined) found.push([file, mark]);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return new Map(found.sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function look(state: KnownState, file: string): Promise<ContentMark | null | undefined> {
  const mark = await compare(state, file);
  // Its job, which runs, may have seen this or what was before.
  if (mark !== undefined && state.begun.has(file)) state.unsure.add(file);
  return mark;
}

/** Undefined: it is as it is known. */
async function compare(state: KnownState, file: string): Promise<ContentMark | null | undefined> {
  const { begun, files } = state;
  const before = begun.has(file) ? (begun.get(file) ?? undefined) : files.get(file);
  const mark = await contentMarkOf(file, { before });
  // Gone when its job began and gone now, it may have been there in between, for the job to see.
  if (mark === null) return before === undefined && !begun.has(file) ? undefined : null;
  if (mark === before) return undefined;
  if (before?.[2] !== mark[2]) return mark;
  // Only the time changed: known from now on, so that the file is not read again.
  if (begun.has(file)) begun.set(file, mark);
  else files.set(file, mark);
  state.dirty = true;
  return undefined;
}

function begin(state: KnownState, changes: Changes): void {
  for (const [file, mark] of changes) {
    state.begun.set(file, mark);
    state.open.add(file);
  }
  noteBegun(state);
}

function settle(state: KnownState, changes: Changes): void {
  const { files, begun, unsure } = state;
  for (const [file, mark] of changes) {
    begun.delete(file);
    if (unsure.delete(file)) files.set(file, UNSURE);
    else if (mark === null) files.delete(file);
    else files.set(file, mark);
    state.dirty = true;
  }
}

function save(state: KnownState): void {
  const { path, seal, what, files, begun, open } = state;
  if (!state.dirty) return;
  state.dirty = false;
  writeSealed(path, { seal, value: { version: 1, what, files: Object.fromEntries(files) } satisfies File });
  open.clear();
  for (const file of begun.keys()) open.add(file);
  noteBegun(state);
}

function noteBegun({ begunPath, seal, open }: KnownState): void {
  writeSealed(begunPath, { seal, value: { version: 1, names: [...open] } satisfies Begun, durable: false });
}
