/**
 * When many dt processes find a manifest changed, one loads it and the rest wait for the result: a hundred starts must
 * not be a hundred loads. If taking turns is impossible, that costs only time.
 */
import { join } from "node:path";
import { type FileLock, noteIn, tryFlock } from "../../sys/files/flock.ts";
import { makePrivateDirectory } from "../../sys/places/privatedirectory.ts";
import { identifySelf, isSuspended, type ProcessIdentity, type ProcessTable } from "../../sys/process/identity.ts";
import { makeProcessTable } from "../../sys/process/table.ts";

/** After this time a process loads the manifests itself. */
const WAIT_MS = 30_000;
const LOOK_EVERY_MS = 10;
/** How long the holder of the turn may be stopped (Ctrl-Z) before it is passed over, in milliseconds. */
const SUSPENDED_MS = 300;

/** Null if there is no turn to take, if its holder is stopped, or after WAIT_MS. The caller must release it. */
export async function takeTurn(cacheDir: string): Promise<FileLock | null> {
  const path = join(cacheDir, "loading.lock");
  const began = performance.now();
  let runsAt = began;
  const table = makeProcessTable();
  try {
    makePrivateDirectory(cacheDir);
    for (;;) {
      const tried = tryFlock(path);
      if (tried.is === "held") {
        noteHolder(tried.lock, table);
        return tried.lock;
      }
      const now = performance.now();
      if (!isHolderSuspended(path, table)) runsAt = now;
      if (tried.is === "unsupported" || now - runsAt > SUSPENDED_MS || now - began > WAIT_MS) return null;
      await Bun.sleep(LOOK_EVERY_MS);
    }
  } catch {
    return null; // a read-only or full disk
  }
}

/** On a full disk it stays unknown who has the turn. */
function noteHolder(lock: FileLock, table: ProcessTable): void {
  try {
    lock.note(JSON.stringify(identifySelf(table)));
  } catch {
    // the turn is had all the same
  }
}

function isHolderSuspended(path: string, table: ProcessTable): boolean {
  try {
    const holder = JSON.parse(noteIn(path) ?? "null") as ProcessIdentity | null;
    return Number.isInteger(holder?.pid) && isSuspended(table, holder as ProcessIdentity);
  } catch {
    return false; // it is being written
  }
}
