/**
 * Of two starts that want one port at the same instant, in whichever roots, one gets it and the other is told: a lock a port in the user's home,
 * held by a launch's host from before the command is started to its end. The kernel gives it back with the host; then the port itself tells.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DtError } from "../../sys/base/error.ts";
import { readText } from "../../sys/files/fileread.ts";
import { type FileLock, tryFlock } from "../../sys/files/flock.ts";
import { makeDirectories } from "../../sys/files/makedirectories.ts";
import type { Ground } from "../launch/types.ts";

export interface PortClaim {
  release(): void;
}

/** A host that has just lost its launch gives its claim back within milliseconds. */
const WAIT_MS = 1000;
const LOOK_EVERY_MS = 5;
/** Where there is no home or no `flock`, nothing is claimed, and the second of two is told by its own program. */
const NOTHING: PortClaim = { release: () => {} };

/** Null when somebody else has it. */
export function tryClaim({ home, root }: Pick<Ground, "home" | "root">, key: string, port: number): PortClaim | null {
  if (home === null) return NOTHING;
  const path = join(home, "ports", String(port));
  let lock: FileLock;
  try {
    makeDirectories(join(home, "ports"));
    const tried = tryFlock(path);
    if (tried.is === "busy") return null;
    if (tried.is === "unsupported") return NOTHING;
    ({ lock } = tried);
    // For the sentence of who comes second; what is true is the lock.
    writeFileSync(path, `${key} of ${root}\n`);
  } catch {
    return NOTHING; // a read-only or full home
  }
  return lock;
}

/**
 * Throws `port-taken`. `check` is asked meanwhile, and throws when somebody listens already who is in the way. Where all that listen are not, the other
 * start is over and went to another address: both can have the port.
 */
export async function claimPort(ground: Ground, key: string, port: number, check: () => void): Promise<PortClaim> {
  const deadline = performance.now() + WAIT_MS;
  for (;;) {
    const claim = tryClaim(ground, key, port);
    if (claim !== null) return claim;
    check();
    if (performance.now() > deadline) break;
    await Bun.sleep(LOOK_EVERY_MS);
  }
  if (ground.table.listenersOn(port).length > 0) return NOTHING;
  const text = readText(join(ground.home ?? "", "ports", String(port)));
  const whose = text.is === "there" && text.value !== "" ? text.value.trim() : "another launch";
  throw new DtError("port-taken", `${key} needs port ${port}, but ${whose} was started with it and has not ended.`, {
    hint: "Run it again with --port auto, or stop the other one.",
    details: { port, pids: [], holders: [] },
  });
}
