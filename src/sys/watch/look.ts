/**
 * Looks at one directory and compares it with what was known: what differs is reported, what is new is opened, what is
 * gone is forgotten.
 */
import { type Dirent, readdirSync, type Stats } from "node:fs";
import { join } from "node:path";
import { errnoOf } from "../base/error.ts";
import { linkStatOf, statOf } from "../base/stat.ts";
import {
  type Directory,
  directoryIdentityOf,
  makeDirectory,
  reportTrouble,
  type TreeState,
  versionOf,
} from "./directory.ts";
import { hear, listen } from "./listen.ts";

/** One look at one directory. */
interface Look {
  /** Names with an event; null: any name may have had one. */
  heard: ReadonlySet<string> | null;
  isFirst: boolean;
  emit(path: string): void;
}

export function lookInto(state: TreeState, { directory, atAll }: { directory: Directory; atAll: boolean }): void {
  const { top, request, poller } = state;
  if (directory.timer !== null) clearTimeout(directory.timer);
  directory.timer = null;
  if (state.closed || directory.isGone) return;
  const { isFirst } = directory;
  directory.isFirst = false;
  const look: Look = { heard: atAll ? null : directory.heard, isFirst, emit: isFirst ? () => {} : request.onFile };
  directory.heard = new Set();
  const isFollowed = directory === top || request.follows(directory.path);
  const own = isFollowed ? statOf(directory.path) : linkStatOf(directory.path);
  // Its parent, which gets an event too, removes it; the top has no parent.
  if (own === undefined || !own.isDirectory()) {
    if (directory !== top) return;
    empty(state, { directory: top, tell: look.emit });
    poller.add(top);
    return;
  }
  if (directoryIdentityOf(own) !== directory.identity) {
    directory.identity = directoryIdentityOf(own);
    listen(state, directory);
  }
  const entries = entriesOf(state, directory);
  if (entries === null) return;
  // Another git checkout, a worktree or a submodule, is left out until a pattern names it.
  if (directory !== top && entries.some(({ name }) => name === ".git") && !request.enters(directory.path)) {
    empty(state, { directory, tell: () => {} });
    return;
  }
  for (const entry of entries) lookAtEntry(state, { directory, entry, look });
  removeMissing(state, { directory, there: new Set(entries.map(({ name }) => name)), look });
}

/** Null when it cannot be read; its parent reports one that is gone. */
function entriesOf(state: TreeState, { path }: Directory): Dirent[] | null {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") reportTrouble(state, { error, path });
    return null;
  }
}

function removeMissing(
  state: TreeState,
  { directory, there, look: { emit } }: { directory: Directory; there: ReadonlySet<string>; look: Look },
): void {
  for (const name of [...directory.files.keys()]) {
    if (there.has(name)) continue;
    directory.files.delete(name);
    state.links.forget(join(directory.path, name));
    emit(join(directory.path, name));
  }
  for (const [name, below] of [...directory.directories]) {
    if (there.has(name)) continue;
    directory.directories.delete(name);
    state.links.forget(below.path);
    forget(state, { directory: below, tell: emit });
  }
}

function lookAtEntry(
  state: TreeState,
  { directory, entry, look }: { directory: Directory; entry: Dirent; look: Look },
): void {
  const { links } = state;
  const { follows, means } = state.request;
  const { name } = entry;
  const path = join(directory.path, name);
  const isKnown = directory.files.has(name) || directory.directories.has(name);
  const isLink = entry.isSymbolicLink();
  // Its target is read again only after an event for the link or the target.
  if (isLink && look.heard !== null && !look.heard.has(name) && isKnown) return;
  const target = isLink && (follows(path) || means(path)) ? (statOf(path) ?? null) : null;
  if (isLink && (target !== null || means(path))) links.follow(path, () => hear(state, { directory, name }));
  else links.forget(path);
  const isDirectory = entry.isDirectory() || (target?.isDirectory() === true && follows(path));
  (isDirectory ? lookAtDirectory : lookAtFile)(state, { parent: directory, name, path, target, look });
}

interface EntryLook {
  parent: Directory;
  name: string;
  path: string;
  /** Of a link that is followed. */
  target: Stats | null;
  look: Look;
}

function lookAtDirectory(state: TreeState, { parent, name, path, target, look }: EntryLook): void {
  const { heard, emit, isFirst } = look;
  const known = parent.directories.get(name);
  if (known !== undefined && heard !== null && !heard.has(name)) return;
  const stat = known === undefined && state.request.skips(path) ? null : (target ?? linkStatOf(path) ?? null);
  if (stat === null || !stat.isDirectory() || directoryIdentityOf(stat) === known?.identity) return;
  if (known !== undefined) forget(state, { directory: known, tell: emit });
  if (parent.files.delete(name)) emit(path);
  parent.directories.set(name, open(state, { path, stat, isFirst }));
}

function lookAtFile(state: TreeState, { parent, name, path, target, look }: EntryLook): void {
  const { heard, emit } = look;
  const below = parent.directories.get(name);
  if (below !== undefined) {
    parent.directories.delete(name);
    forget(state, { directory: below, tell: emit });
  }
  const known = parent.files.get(name);
  if (known !== undefined && heard !== null && !heard.has(name)) return;
  if (known === undefined && !state.request.means(path)) return;
  const stat = linkStatOf(path);
  if (stat === undefined) return; // gone again: the next look reports that
  const version = `${versionOf(stat)} ${target === null ? "" : versionOf(target)}`;
  parent.files.set(name, version);
  // Two versions within one tick of the clock look the same, so an event counts as well.
  if (version !== known || heard?.has(name) === true) emit(path);
}

function open(state: TreeState, { path, stat, isFirst }: { path: string; stat: Stats; isFirst: boolean }): Directory {
  const directory = makeDirectory(path, { identity: directoryIdentityOf(stat), isFirst });
  // Before the first look, so that no change after it is missed.
  listen(state, directory);
  if (isFirst) state.first.push(directory);
  else lookInto(state, { directory, atAll: true });
  return directory;
}

/** Forgets a directory that is gone, with everything below it. */
export function forget(
  state: TreeState,
  { directory, tell }: { directory: Directory; tell: (path: string) => void },
): void {
  directory.watcher?.close();
  state.poller.remove(directory);
  if (directory.timer !== null) clearTimeout(directory.timer);
  directory.isGone = true;
  empty(state, { directory, tell });
}

function empty(state: TreeState, { directory, tell }: { directory: Directory; tell: (path: string) => void }): void {
  for (const name of directory.files.keys()) tell(join(directory.path, name));
  for (const below of directory.directories.values()) forget(state, { directory: below, tell });
  directory.files.clear();
  directory.directories.clear();
  state.links.forgetBelow(directory.path);
}
