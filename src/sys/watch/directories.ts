/**
 * Watches a directory tree by the state of each directory, not by the kernel's events. An event only says where to look
 * again, so a rename, a directory removed and made again, or one moved in with its files is seen as what it then is. A
 * directory for which the kernel has no watch left is looked at every second; the others are not. After a storm, in
 * which the kernel drops events, everything is looked at once more.
 *
 *   a link to     on the way to what is named        below what is named
 *   -----------   --------------------------------   ----------------------------------------------
 *   a directory   is that directory                  is only a name, so links cannot form a loop
 *   a file        is that file                       is that file: its target is watched as well
 *   nothing       a name, until it leads somewhere   a name, until it leads somewhere
 *
 * When a link leads elsewhere, everything that is named through it has changed.
 */
import { type Dirent, type FSWatcher, readdirSync, type Stats, watch } from "node:fs";
import { join } from "node:path";
import { errnoOf, messageOf } from "../base/error.ts";
import { linkStatOf, statOf } from "../base/stat.ts";
import { watchLinks } from "./links.ts";

export interface DirectoriesRequest {
  /** Absolute; it must exist. */
  from: string;
  /** Whether no file at or below this path is selected. */
  skips(path: string): boolean;
  /** Whether the file at this path is selected. */
  means(path: string): boolean;
  /** Whether something at or below this path is named: a link to a directory is then followed. */
  follows(path: string): boolean;
  /** Whether to look into another git checkout at this path. */
  enters(path: string): boolean;
  /** A file that was created, changed or removed. */
  onFile(path: string): void;
  /** The kernel has no watches left: called once. */
  onSpent(): void;
  /** Gets a sentence without its period. */
  onTrouble(what: string): void;
  /** Use no watches of the kernel; look every second. */
  polls: boolean;
}

export interface Directories {
  /** The files that are there. */
  files(): Iterable<string>;
  close(): void;
}

interface Directory {
  path: string;
  /** Which directory this is: one that is removed and made again may get the same inode. */
  identity: string;
  /** Null: looked at every second. */
  watcher: FSWatcher | null;
  /** By name, a text that differs from version to version. */
  files: Map<string, string>;
  directories: Map<string, Directory>;
  /** Names with an event; null: any name may have had one. */
  heard: Set<string> | null;
  timer: ReturnType<typeof setTimeout> | null;
  /** Opened at the beginning and not looked at yet: what is found in it is not a change. */
  isFirst: boolean;
  isGone: boolean;
}

const GATHER_MS = 5;
const POLL_MS = 1000;
/** This many events at once may have been too many for the kernel's queue. */
const STORM = 2000;
const AFTER_STORM_MS = 500;
/** At the beginning it looks for this long at a time, so that other work of this process goes on. */
const SLICE_MS = 8;
/** The kernel's errors when no watch, or no inotify instance, is left. */
const SPENT = new Set(["ENOSPC", "EMFILE", "ENFILE"]);

/** Resolves when every change from then on will be seen. */
export async function watchDirectories(request: DirectoriesRequest): Promise<Directories> {
  const { skips, means, follows, enters, onFile, onSpent, onTrouble } = request;
  const told = new Set<string>();
  let closed = false;
  let spent = request.polls;
  let events = 0;
  let storm: ReturnType<typeof setTimeout> | null = null;
  /** Directories that wait for their first look. */
  const first: Directory[] = [];
  const links = watchLinks();
  const polled = new Set<Directory>();
  let poll: ReturnType<typeof setInterval> | null = null;
  const lookEverySecond = (directory: Directory) => {
    polled.add(directory);
    poll ??= setInterval(() => {
      for (const one of polled) look(one, true);
    }, POLL_MS);
  };

  function trouble(error: unknown, path: string): void {
    const text = `${path} is not watched: ${messageOf(error)}`;
    if (!told.has(text)) onTrouble(text);
    told.add(text);
  }

  function listen(directory: Directory): void {
    directory.watcher?.close();
    directory.watcher = null;
    polled.delete(directory);
    if (request.polls) {
      lookEverySecond(directory);
      return;
    }
    try {
      const watcher = watch(directory.path, (_event, name) => hear(directory, name));
      watcher.on("error", (error) => {
        watcher.close();
        lost(directory, error);
      });
      directory.watcher = watcher;
    } catch (error) {
      lost(directory, error);
    }
  }

  function lost(directory: Directory, error: unknown): void {
    if (closed || errnoOf(error) === "ENOENT") return; // its parent reports that
    directory.watcher = null;
    lookEverySecond(directory);
    if (!SPENT.has(errnoOf(error) ?? "")) trouble(error, directory.path);
    else if (!spent) {
      spent = true;
      onSpent();
    }
  }

  function hear(directory: Directory, name: string | null): void {
    if (closed) return;
    if (name === null) directory.heard = null;
    else directory.heard?.add(name);
    directory.timer ??= setTimeout(() => look(directory, false), GATHER_MS);
    events++;
    if (events < STORM) return;
    if (storm !== null) clearTimeout(storm);
    storm = setTimeout(() => {
      events = 0;
      storm = null;
      lookAll(top);
    }, AFTER_STORM_MS);
  }

  function lookAll(directory: Directory): void {
    look(directory, true);
    for (const below of [...directory.directories.values()]) lookAll(below);
  }

  function open(path: string, stat: Stats, isFirst: boolean): Directory {
    const directory = makeDirectory(path, identityOf(stat), isFirst);
    // Before the first look, so that no change after it is missed.
    listen(directory);
    if (isFirst) first.push(directory);
    else look(directory, true);
    return directory;
  }

  /** Forgets a directory that is gone, with everything below it. */
  function forget(directory: Directory, tell: (path: string) => void): void {
    directory.watcher?.close();
    polled.delete(directory);
    if (directory.timer !== null) clearTimeout(directory.timer);
    directory.isGone = true;
    empty(directory, tell);
  }

  function empty(directory: Directory, tell: (path: string) => void): void {
    for (const name of directory.files.keys()) tell(join(directory.path, name));
    for (const below of directory.directories.values()) forget(below, tell);
    directory.files.clear();
    directory.directories.clear();
    links.forgetBelow(directory.path);
  }

  function look(directory: Directory, atAll: boolean): void {
    if (directory.timer !== null) clearTimeout(directory.timer);
    directory.timer = null;
    if (closed || directory.isGone) return;
    const { isFirst } = directory;
    directory.isFirst = false;
    const emit = isFirst ? () => {} : onFile;
    const heard = atAll ? null : directory.heard;
    directory.heard = new Set();
    const own = directory === top || follows(directory.path) ? statOf(directory.path) : linkStatOf(directory.path);
    // Its parent, which gets an event too, removes it; the top has no parent.
    if (own === undefined || !own.isDirectory()) {
      if (directory !== top) return;
      empty(top, emit);
      lookEverySecond(top);
      return;
    }
    if (identityOf(own) !== directory.identity) {
      directory.identity = identityOf(own);
      listen(directory);
    }
    let entries: Dirent[];
    try {
      entries = readdirSync(directory.path, { withFileTypes: true });
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") trouble(error, directory.path);
      return;
    }
    // Another git checkout, a worktree or a submodule, is left out until a pattern names it.
    if (directory !== top && entries.some(({ name }) => name === ".git") && !enters(directory.path)) {
      empty(directory, () => {});
      return;
    }
    const there = new Set<string>();
    for (const entry of entries) {
      there.add(entry.name);
      lookAtEntry(directory, entry, heard, isFirst);
    }
    for (const name of [...directory.files.keys()]) {
      if (there.has(name)) continue;
      directory.files.delete(name);
      links.forget(join(directory.path, name));
      emit(join(directory.path, name));
    }
    for (const [name, below] of [...directory.directories]) {
      if (there.has(name)) continue;
      directory.directories.delete(name);
      links.forget(below.path);
      forget(below, emit);
    }
  }

  function lookAtEntry(directory: Directory, entry: Dirent, heard: ReadonlySet<string> | null, isFirst: boolean): void {
    const { name } = entry;
    const path = join(directory.path, name);
    const emit = isFirst ? () => {} : onFile;
    const isLink = entry.isSymbolicLink();
    // Its target is read again only after an event for the link or the target.
    if (isLink && heard !== null && !heard.has(name) && (directory.files.has(name) || directory.directories.has(name)))
      return;
    const target = isLink && (follows(path) || means(path)) ? (statOf(path) ?? null) : null;
    if (isLink && (target !== null || means(path))) links.follow(path, () => hear(directory, name));
    else links.forget(path);
    if (entry.isDirectory() || (target?.isDirectory() === true && follows(path))) {
      const known = directory.directories.get(name);
      if (known !== undefined && heard !== null && !heard.has(name)) return;
      const stat = known === undefined && skips(path) ? null : (target ?? linkStatOf(path) ?? null);
      if (stat === null || !stat.isDirectory() || identityOf(stat) === known?.identity) return;
      if (known !== undefined) forget(known, emit);
      if (directory.files.delete(name)) emit(path);
      directory.directories.set(name, open(path, stat, isFirst));
      return;
    }
    const below = directory.directories.get(name);
    if (below !== undefined) {
      directory.directories.delete(name);
      forget(below, emit);
    }
    const known = directory.files.get(name);
    if (known !== undefined && heard !== null && !heard.has(name)) return;
    if (known === undefined && !means(path)) return;
    const stat = linkStatOf(path);
    if (stat === undefined) return; // gone again: the next look reports that
    const version = `${versionOf(stat)} ${target === null ? "" : versionOf(target)}`;
    directory.files.set(name, version);
    // Two versions within one tick of the clock look the same, so an event counts as well.
    if (version !== known || heard?.has(name) === true) emit(path);
  }

  const top = makeDirectory(request.from, "", true);
  look(top, true);
  while (first.length > 0) {
    const until = performance.now() + SLICE_MS;
    for (let one = first.pop(); one !== undefined; one = performance.now() < until ? first.pop() : undefined)
      look(one, true);
    if (first.length > 0) await Bun.sleep(0);
  }

  function* filesOf(directory: Directory): Generator<string> {
    for (const name of directory.files.keys()) yield join(directory.path, name);
    for (const below of directory.directories.values()) yield* filesOf(below);
  }

  return {
    files: () => filesOf(top),
    close() {
      closed = true;
      if (poll !== null) clearInterval(poll);
      if (storm !== null) clearTimeout(storm);
      links.close();
      forget(top, () => {});
    },
  };
}

function identityOf({ dev, ino, birthtimeMs }: Stats): string {
  return `${dev} ${ino} ${birthtimeMs}`;
}

function versionOf({ ino, size, mtimeMs, ctimeMs }: Stats): string {
  return `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
}

function makeDirectory(path: string, identity: string, isFirst: boolean): Directory {
  return {
    path,
    identity,
    watcher: null,
    files: new Map(),
    directories: new Map(),
    heard: null,
    timer: null,
    isFirst,
    isGone: false,
  };
}
