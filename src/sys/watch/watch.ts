/**
 * Watches files below a root: patterns, what is left out and a quiet time in; batches of changed paths out. Works by the kernel's
 * notices; where those run out (`ENOSPC`, `EMFILE`) it looks every second instead, and says so.
 */
import { relative } from "node:path";
import { errnoOf, messageOf } from "../error.ts";
import { makeBatches, TIMERS } from "./batch.ts";
import { type Meant, makeMatcher } from "./match.ts";

export interface WatchRequest extends Meant {
  debounceMs: number;
  /** Paths relative to the root, each once. The next batch waits until this resolves. */
  onBatch(paths: string[]): Promise<void>;
  /** What keeps the watching from being whole, as a sentence without its end. */
  onTrouble(what: string): void;
}

export interface FileWatch {
  close(): void;
}

/** How often files are looked at where the kernel gives no notice. */
const POLL_MS = 1000;

/** Resolves when a change from now on is seen. */
export async function watchFiles(request: WatchRequest): Promise<FileWatch> {
  const { root } = request;
  const matcher = await makeMatcher(request);
  const batches = makeBatches(request.debounceMs, request.onBatch, TIMERS);
  const { watch } = await import("chokidar");
  const open = (usePolling: boolean) => {
    const ready = Promise.withResolvers<void>();
    const watcher = watch(root, {
      ignoreInitial: true,
      followSymlinks: false,
      usePolling,
      interval: POLL_MS,
      ignored: (path) => matcher.skips(path),
    });
    watcher.on("all", (event, path) => {
      if (event !== "addDir" && event !== "unlinkDir" && matcher.means(path)) batches.add(relative(root, path));
    });
    watcher.on("ready", ready.resolve);
    watcher.on("error", (error) => {
      const spent = ["ENOSPC", "EMFILE"].includes(errnoOf(error) ?? "");
      if (usePolling || !spent) return request.onTrouble(messageOf(error));
      if (watcher.closed) return;
      request.onTrouble("the system has no more watches to give: files are looked at every second instead");
      void watcher.close();
      current = open(true);
      void current.ready.then(ready.resolve);
    });
    return { watcher, ready: ready.promise };
  };
  let current = open(false);
  await current.ready;
  return {
    close() {
      batches.close();
      void current.watcher.close();
    },
  };
}
