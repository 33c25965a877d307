/**
 * The kernel's events for a directory: each only says where to look again. A directory without a watch goes to the
 * poller.
 */
import { watch } from "node:fs";
import { errnoOf } from "../base/error.ts";
import { type Directory, reportTrouble, type TreeState } from "./directory.ts";

const GATHER_MS = 5;
/** This many events at once may have been too many for the kernel's queue. */
const STORM = 2000;
const AFTER_STORM_MS = 500;
/** The kernel's errors when no watch, or no inotify instance, is left. */
const SPENT = new Set(["ENOSPC", "EMFILE", "ENFILE"]);

export function listen(state: TreeState, directory: Directory): void {
  directory.watcher?.close();
  directory.watcher = null;
  state.poller.remove(directory);
  if (state.request.polls) {
    state.poller.add(directory);
    return;
  }
  try {
    const watcher = watch(directory.path, (_event, name) => hear(state, { directory, name }));
    watcher.on("error", (error) => {
      watcher.close();
      lost(state, { directory, error });
    });
    directory.watcher = watcher;
  } catch (error) {
    lost(state, { directory, error });
  }
}

function lost(state: TreeState, { directory, error }: { directory: Directory; error: unknown }): void {
  if (state.closed || errnoOf(error) === "ENOENT") return; // its parent reports that
  directory.watcher = null;
  state.poller.add(directory);
  if (!SPENT.has(errnoOf(error) ?? "")) reportTrouble(state, { error, path: directory.path });
  else if (!state.spent) {
    state.spent = true;
    state.request.onSpent();
  }
}

export function hear(state: TreeState, { directory, name }: { directory: Directory; name: string | null }): void {
  if (state.closed) return;
  if (name === null) directory.heard = null;
  else directory.heard?.add(name);
  directory.timer ??= setTimeout(() => state.look(directory, false), GATHER_MS);
  state.events++;
  if (state.events < STORM) return;
  if (state.storm !== null) clearTimeout(state.storm);
  state.storm = setTimeout(() => {
    state.events = 0;
    state.storm = null;
    lookAll(state, state.top);
  }, AFTER_STORM_MS);
}

function lookAll(state: TreeState, directory: Directory): void {
  state.look(directory, true);
  for (const below of [...directory.directories.values()]) lookAll(state, below);
}
