/**
 * What is known of each watched directory and of the whole tree. The kernel's events are heard in listen.ts, a
 * directory is looked at in look.ts.
 */
import type { FSWatcher, Stats } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../base/error.ts";
import type { watchLinks } from "./links.ts";
import type { Poller } from "./poller.ts";

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

export interface Directory {
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

export interface TreeState {
  request: DirectoriesRequest;
  top: Directory;
  /** Directories that wait for their first look. */
  first: Directory[];
  links: ReturnType<typeof watchLinks>;
  poller: Poller<Directory>;
  /** Troubles that were reported. */
  told: Set<string>;
  /** The kernel has no watches left, and that was reported. */
  spent: boolean;
  /** Since the last storm. */
  events: number;
  storm: ReturnType<typeof setTimeout> | null;
  closed: boolean;
  /** `atAll`: at every name in it, not only at those with an event. */
  look(directory: Directory, atAll: boolean): void;
}

export function reportTrouble({ request, told }: TreeState, { error, path }: { error: unknown; path: string }): void {
  const text = `${path} is not watched: ${messageOf(error)}`;
  if (!told.has(text)) request.onTrouble(text);
  told.add(text);
}

export function* filesOf(directory: Directory): Generator<string> {
  for (const name of directory.files.keys()) yield join(directory.path, name);
  for (const below of directory.directories.values()) yield* filesOf(below);
}

export function directoryIdentityOf({ dev, ino, birthtimeMs }: Stats): string {
  return `${dev} ${ino} ${birthtimeMs}`;
}

export function versionOf({ ino, size, mtimeMs, ctimeMs }: Stats): string {
  return `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
}

export function makeDirectory(path: string, { identity, isFirst }: { identity: string; isFirst: boolean }): Directory {
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
