/**
 * When many dt processes find a manifest changed, one loads it and the rest wait for the result: a hundred starts must
 * not be a hundred loads. If taking turns is impossible, that costs only time.
 */
import { join } from "node:path";
import { type FileLock, tryFlock } from "../../sys/files/flock.ts";
import { makePrivateDirectory } from "../../sys/places/privatedirectory.ts";

/** After this time a process loads the manifests itself: the holder of the turn may be stopped. */
const WAIT_MS = 30_000;
const LOOK_EVERY_MS = 10;

/** Null if there is no turn to take, or after WAIT_MS. The caller must release it. */
export async function takeTurn(cacheDir: string): Promise<FileLock | null> {
  const path = join(cacheDir, "loading.lock");
  const deadline = performance.now() + WAIT_MS;
  try {
    makePrivateDirectory(cacheDir);
    for (;;) {
      const tried = tryFlock(path);
      if (tried.is === "held") return tried.lock;
      if (tried.is === "unsupported" || performance.now() > deadline) return null;
      await Bun.sleep(LOOK_EVERY_MS);
    }
  } catch {
    return null; // a read-only or full disk
  }
}
