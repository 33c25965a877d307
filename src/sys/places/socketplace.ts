/**
 * Where this user's sockets are: a private directory with a short path. Two dt processes need not choose the same one:
 * the daemon's socket is found through a link in DIALTONE_HOME, a terminal's through the path in its launch's history.
 */
import { realpathSync, statSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { DtError, messageOf } from "../base/error.ts";
import { ownUid, privateBelow, takePrivate, whoMaySwap } from "./ownplace.ts";

export interface SocketPlaceRequest {
  env: Record<string, string | undefined>;
  /** DIALTONE_HOME; null when there is none. */
  home: string | null;
}

/** In bytes. The kernel's `sun_path` takes 107, 103 on macOS; a name of up to 40 comes after the directory. */
const LONGEST = 62;
/** Not TMPDIR: it may be long, and may be gone before the daemon is. */
const SHARED = "/tmp";

/**
 * Below XDG_RUNTIME_DIR, else below `/tmp`, else below DIALTONE_HOME. Throws `no-socket-place`, which says what is
 * wrong with each.
 */
export function socketDirectory(request: SocketPlaceRequest): string {
  const refused: string[] = [];
  for (const place of [inRuntimeDirectory, () => privateBelow(SHARED), inHome]) {
    try {
      const directory = place(request);
      if (directory !== null) return directory;
    } catch (error) {
      refused.push(messageOf(error).replace(/\.$/, ""));
    }
  }
  throw new DtError("no-socket-place", `There is no private place for a socket: ${refused.join("; ")}.`, {
    hint: `Set XDG_RUNTIME_DIR to a directory of yours (mode 0700) whose path has at most ${LONGEST - "/dialtone".length} bytes.`,
  });
}

/**
 * After `su` XDG_RUNTIME_DIR may be another user's: root could write there, and that user could then replace what root
 * wrote.
 */
function inRuntimeDirectory({ env: { XDG_RUNTIME_DIR: runtime = "" } }: SocketPlaceRequest): string | null {
  const directory = join(runtime, "dialtone");
  if (!isAbsolute(runtime) || isTooLong(directory)) return null;
  const { uid } = statSync(runtime);
  if (uid !== ownUid()) throw new Error(`XDG_RUNTIME_DIR (${runtime}) belongs to uid ${uid}`);
  return takeUnswappable(runtime, directory);
}

function inHome({ home }: SocketPlaceRequest): string | null {
  if (home === null) return null;
  const directory = join(realpathSync(home), "sockets");
  if (isTooLong(directory)) throw new Error(`${directory} is too long for a socket`);
  return takeUnswappable(home, directory);
}

function takeUnswappable(parent: string, directory: string): string {
  const swapper = whoMaySwap(parent);
  if (swapper !== null) throw new Error(swapper);
  return takePrivate(directory);
}

function isTooLong(path: string): boolean {
  return Buffer.byteLength(path) > LONGEST;
}
