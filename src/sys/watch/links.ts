/**
 * Watches where links lead. Each directory that a link passes through holds a name; a change of that name makes the
 * link lead elsewhere, or replaces what it leads to. Each such name is watched once, for all links that use it; a
 * directory that cannot be watched is skipped.
 */
import { type FSWatcher, readlinkSync, watch } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { linkStatOf } from "../base/stat.ts";

export interface Links {
  /**
   * Calls `onHeard` when the target of this link changed or may be another one. Replaces what was followed for it
   * before.
   */
  follow(link: string, onHeard: () => void): void;
  /** No longer follows this link, if it is one. */
  forget(link: string): void;
  forgetBelow(directory: string): void;
  close(): void;
}

interface Place {
  watcher: FSWatcher;
  /** By name, the callback of each link that uses it. */
  names: Map<string, Map<string, () => void>>;
}

/** The kernel's own limit. */
const MOST_HOPS = 40;

export function watchLinks(): Links {
  const places = new Map<string, Place>();
  const followed = new Map<string, [directory: string, name: string][]>();

  function listen(directory: string): Place | null {
    const known = places.get(directory);
    if (known !== undefined) return known;
    try {
      const names: Place["names"] = new Map();
      const watcher = watch(directory, (_event, name) => {
        for (const [one, who] of names) if (name === null || name === one) for (const tell of [...who.values()]) tell();
      });
      watcher.on("error", () => watcher.close());
      const place = { watcher, names };
      places.set(directory, place);
      return place;
    } catch {
      return null;
    }
  }

  function drop(link: string): void {
    const hops = followed.get(link);
    if (hops === undefined) return;
    for (const [directory, name] of hops) {
      const place = places.get(directory);
      place?.names.get(name)?.delete(link);
      if (place?.names.get(name)?.size === 0) place.names.delete(name);
      if (place?.names.size !== 0) continue;
      place.watcher.close();
      places.delete(directory);
    }
    followed.delete(link);
  }

  return {
    follow(link, onHeard) {
      const before = followed.get(link);
      const now = hopsOf(link);
      if (before !== undefined && JSON.stringify(before) === JSON.stringify(now)) return;
      drop(link);
      followed.set(link, now);
      for (const [directory, name] of now) {
        const place = listen(directory);
        if (place === null) continue;
        const who = place.names.get(name) ?? new Map<string, () => void>();
        place.names.set(name, who.set(link, onHeard));
      }
    },
    forget: drop,
    forgetBelow(directory) {
      for (const link of [...followed.keys()]) if (link.startsWith(`${directory}/`)) drop(link);
    },
    close() {
      for (const { watcher } of places.values()) watcher.close();
      places.clear();
      followed.clear();
    },
  };
}

/**
 * Each directory, with the name in it that decides where this link leads; the link itself is left out, and the last is
 * its target.
 */
function hopsOf(link: string): [string, string][] {
  const hops: [string, string][] = [];
  const read = (path: string) => {
    try {
      return resolve(dirname(path), readlinkSync(path));
    } catch {
      return null;
    }
  };
  let path = read(link);
  for (let count = 0; path !== null && count < MOST_HOPS; count++) {
    const met = firstLink(path);
    if (met === null) break;
    hops.push([dirname(met), basename(met)]);
    const to = read(met);
    path = to === null ? null : to + path.slice(met.length);
  }
  if (path !== null && path !== "/") hops.push([dirname(path), basename(path)]);
  return hops;
}

/** The first part of a path that is a link; null: none is. */
function firstLink(path: string): string | null {
  const parts = path.split("/");
  for (let at = 2; at <= parts.length; at++) {
    const part = parts.slice(0, at).join("/");
    const stat = linkStatOf(part);
    if (stat === undefined) return null;
    if (stat.isSymbolicLink()) return part;
  }
  return null;
}
