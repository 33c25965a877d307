/**
 * Reports that something below a folder changed, in whatever way an editor saves. It watches folders, never a file: a
 * watch on a file is dead after the first save by rename. It does not say what changed; the caller reads everything
 * again.
 *
 * Limit: if the system refuses a watch (no inotify watches left, some network file systems), it looks every second.
 */
import { type FSWatcher, readdirSync, statSync, watch } from "node:fs";
import { join } from "node:path";

export interface WatchOptions {
  recursive: boolean;
  /** Whether a name, relative to the folder, counts. */
  accept: (name: string) => boolean;
  onChange: () => void;
  onWarning: (sentence: string) => void;
  /** Aborting ends the watch. */
  signal: AbortSignal;
}

/** One save makes several events; they count as one if none follows for this long. */
const QUIET_MS = 40;
/** If events never pause, the change is reported after this long. */
const LONGEST_MS = 1000;
/** How often to check whether the folder was removed and created again, which ends its watch. */
const LOOK_MS = 1000;

export function watchFolder(folder: string, options: WatchOptions): void {
  let watcher: FSWatcher | undefined;
  let watched = "";
  let polling = false;
  let stamp = "";
  let quiet: ReturnType<typeof setTimeout> | undefined;

  let since = 0;

  const changed = () => {
    if (quiet === undefined) since = performance.now();
    clearTimeout(quiet);
    const tell = () => {
      quiet = undefined;
      options.onChange();
    };
    quiet = setTimeout(tell, Math.max(0, Math.min(QUIET_MS, since + LONGEST_MS - performance.now())));
  };
  const poll = (reason: string) => {
    if (polling) return;
    polling = true;
    stamp = stampOf(folder, options);
    options.onWarning(`cannot watch ${folder} (${reason}); looking at it every second instead`);
  };
  const start = () => {
    watched = identityOf(folder);
    if (watched === "") return;
    try {
      watcher = watch(folder, { recursive: options.recursive }, (_event, name) => {
        if (name === null || options.accept(name)) changed();
      });
      watcher.on("error", (error) => poll(error.message));
    } catch (error) {
      poll((error as Error).message);
    }
  };
  const look = () => {
    if (identityOf(folder) !== watched) {
      watcher?.close();
      start();
      changed();
    } else if (polling) {
      const now = stampOf(folder, options);
      if (now !== stamp) changed();
      stamp = now;
    }
  };

  start();
  const timer = setInterval(look, LOOK_MS);
  options.signal.addEventListener("abort", () => {
    clearInterval(timer);
    clearTimeout(quiet);
    watcher?.close();
  });
}

/** Device and inode, or "" if the folder does not exist. */
function identityOf(folder: string): string {
  const found = statSync(folder, { throwIfNoEntry: false });
  return found ? `${found.dev}:${found.ino}` : "";
}

/** Names, sizes and times of all files that count. */
function stampOf(folder: string, { recursive, accept }: WatchOptions): string {
  try {
    return readdirSync(folder, { recursive, encoding: "utf8" })
      .filter(accept)
      .map((name) => {
        const found = statSync(join(folder, name), { throwIfNoEntry: false });
        return `${name} ${found?.size} ${found?.mtimeMs}`;
      })
      .join("\n");
  } catch {
    return "";
  }
}
