/**
 * Watches a directory with all that is below it by the state of each directory, not by the kernel's events: an event says no more than where to
 * look again, so what is renamed, removed and made again, or moved in with files in it is seen for what it then is. A directory for which the kernel has no watch
 * left is looked at every second, the others are not. After a storm, in which the kernel drops events, all is looked at once more.
 */
import { type Dirent, type FSWatcher, lstatSync, readdirSync, type Stats, watch } from "node:fs";
import { join } from "node:path";
import { errnoOf, messageOf } from "../error.ts";

export interface DirectoriesRequest {
  /** Absolute; it must be there. */
  from: string;
  /** Whether nothing at or below this path is meant. */
  skips(path: string): boolean;
  /** Whether this path, of a file, is meant. */
  means(path: string): boolean;
  /** A file that was created, changed or removed. */
  onFile(path: string): void;
  /** The kernel has no watches left: told once. */
  onSpent(): void;
  /** A sentence without its end. */
  onTrouble(what: string): void;
  /** Never ask the kernel. */
  polls: boolean;
}

export interface Directories {
  /** The files that are there. */
  files(): Iterable<string>;
  close(): void;
}

interface Directory {
  path: string;
  /** Which directory it is: one that is removed and made again may get the same inode. */
  identity: string;
  /** Null: looked at every second. */
  watcher: FSWatcher | null;
  /** By name, what tells one version from another. */
  files: Map<string, string>;
  directories: Map<string, Directory>;
  /** Names of which something was heard; null: it may be any. */
  heard: Set<string> | null;
  timer: ReturnType<typeof setTimeout> | null;
}

const GATHER_MS = 5;
const POLL_MS = 1000;
/** So many events at once may have been too many for the kernel's queue. */
const STORM = 2000;
const AFTER_STORM_MS = 500;
/** What it says when there is no watch, or no instance, left. */
const SPENT = new Set(["ENOSPC", "EMFILE", "ENFILE"]);

export function watchDirectories(request: DirectoriesRequest): Directories {
  const { skips, means, onFile, onSpent, onTrouble } = request;
  const told = new Set<string>();
  let closed = false;
  let spent = request.polls;
  let events = 0;
  let storm: ReturnType<typeof setTimeout> | null = null;
  let isInitial = true;
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
    if (closed || errnoOf(error) === "ENOENT") return; // its parent tells
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

  function open(path: string, stat: Stats): Directory {
    const directory: Directory = {
      path,
      identity: identityOf(stat),
      watcher: null,
      files: new Map(),
      directories: new Map(),
      heard: null,
      timer: null,
    };
    // Before it is looked at: what changes from then on is heard.
    listen(directory);
    look(directory, true);
    return directory;
  }

  function emit(path: string): void {
    if (!isInitial && !closed) onFile(path);
  }

  /** What was there is gone, with all below it. */
  function forget(directory: Directory): void {
    directory.watcher?.close();
    polled.delete(directory);
    if (directory.timer !== null) clearTimeout(directory.timer);
    for (const name of directory.files.keys()) emit(join(directory.path, name));
    for (const below of directory.directories.values()) forget(below);
    directory.files.clear();
    directory.directories.clear();
  }

  function look(directory: Directory, atAll: boolean): void {
    if (directory.timer !== null) clearTimeout(directory.timer);
    directory.timer = null;
    if (closed) return;
    const heard = atAll ? null : directory.heard;
    directory.heard = new Set();
    const own = statOf(directory.path);
    // Its parent, which hears of it too, takes it away; the top has none.
    if (own === null || !own.isDirectory()) {
      if (directory === top) emptyTop();
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
    const there = new Set<string>();
    for (const entry of entries) {
      there.add(entry.name);
      lookAtEntry(directory, entry, heard);
    }
    for (const name of [...directory.files.keys()]) {
      if (there.has(name)) continue;
      directory.files.delete(name);
      emit(join(directory.path, name));
    }
    for (const [name, below] of [...directory.directories]) {
      if (there.has(name)) continue;
      directory.directories.delete(name);
      forget(below);
    }
  }

  function lookAtEntry(directory: Directory, entry: Dirent, heard: ReadonlySet<string> | null): void {
    const { name } = entry;
    const path = join(directory.path, name);
    if (entry.isDirectory()) {
      const known = directory.directories.get(name);
      if (known !== undefined && heard !== null && !heard.has(name)) return;
      const stat = known === undefined && skips(path) ? null : statOf(path);
      if (stat === null || !stat.isDirectory() || identityOf(stat) === known?.identity) return;
      if (known !== undefined) forget(known);
      if (directory.files.delete(name)) emit(path);
      directory.directories.set(name, open(path, stat));
      return;
    }
    const below = directory.directories.get(name);
    if (below !== undefined) {
      directory.directories.delete(name);
      forget(below);
    }
    const known = directory.files.get(name);
    if (known !== undefined && heard !== null && !heard.has(name)) return;
    if (known === undefined && !means(path)) return;
    const stat = statOf(path);
    if (stat === null) return; // gone again: the next look tells
    const version = `${stat.ino} ${stat.size} ${stat.mtimeMs} ${stat.ctimeMs}`;
    directory.files.set(name, version);
    // Of two versions within one tick of the clock the event tells.
    if (version !== known || heard?.has(name) === true) emit(path);
  }

  function emptyTop(): void {
    for (const name of top.files.keys()) emit(join(top.path, name));
    for (const below of top.directories.values()) forget(below);
    top.files.clear();
    top.directories.clear();
    lookEverySecond(top);
  }

  const top: Directory = {
    path: request.from,
    identity: "",
    watcher: null,
    files: new Map(),
    directories: new Map(),
    heard: null,
    timer: null,
  };
  look(top, true);
  isInitial = false;

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
      forget(top);
    },
  };
}

function identityOf({ dev, ino, birthtimeMs }: Stats): string {
  return `${dev} ${ino} ${birthtimeMs}`;
}

function statOf(path: string): Stats | null {
  try {
    return lstatSync(path);
  } catch {
    return null;
  }
}
