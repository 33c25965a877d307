/**
 * Of many dt that find the same manifests changed, one loads them and the others wait for what it writes: a hundred starts at once would
 * else be a hundred loads. Not being able to take turns costs time, nothing else.
 */
import { join } from "node:path";
import { type FileLock, tryFlock } from "../../sys/files/flock.ts";
import { makePrivateDirectory } from "../../sys/places/paths.ts";

/** After so long everybody loads for themselves: whoever has the turn may be stopped. */
const WAIT_MS = 30_000;
const LOOK_EVERY_MS = 10;

/** Null where there is no turn to take. To be released. */
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
