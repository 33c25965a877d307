/** What the parts of one open watch share. */
import type { ResolvedWatch } from "../manifest/model/resolved.ts";
import { type FolderIdentity, identifyFolder, isSameFolder } from "../sys/base/folder.ts";
import { isRootThere } from "../sys/places/root.ts";
import type { Inbox, Saver } from "./inbox.ts";
import type { Loops } from "./loops.ts";
import type { Queue } from "./queue.ts";
import type { Known } from "./snapshot.ts";
import type { Target } from "./target.ts";
import type { RootWatchOptions } from "./types.ts";

export interface WatchState {
  options: RootWatchOptions;
  watch: ResolvedWatch;
  target: Target;
  /** Logged with every line. */
  facts: Record<string, unknown>;
  /** The root's folder when the watch was opened. */
  folder: FolderIdentity | null;
  known: Known;
  loops: Loops;
  inbox: Inbox;
  queue: Queue;
  saver: Saver;
  /** Paths that changed while the folder was away, looked at again should it come back. */
  away: Set<string>;
  /** Absolute paths, by the path that a target is named with. */
  absolute: Map<string, string>;
  /** Targets that may loop: their paths wait for a silence. */
  held: Map<string, { timer: Timer; paths: Set<string> }>;
  /** Why targets could not be named the last time; said once. */
  refused: string;
  /** Names targets again after that. */
  again: Timer | undefined;
}

type Timer = ReturnType<typeof setTimeout>;

/** False when the root was removed or moved away, and when another folder is in its place. */
export function isFolderHere({ folder, options: { root } }: Pick<WatchState, "folder" | "options">): boolean {
  const now = identifyFolder(root);
  return folder !== null && now !== null && isSameFolder(folder, now) && isRootThere(root);
}
