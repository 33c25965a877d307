/**
 * When two starts want one port at the same instant, in whichever roots, one gets it and the other is refused. The
 * claim is a lock per port in the user's home, which a launch's host holds from before the command is started until the
 * launch ends. The kernel releases it with the host; from then on the port itself is the evidence.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DtError } from "../../sys/base/error.ts";
import { readText } from "../../sys/files/fileread.ts";
import { type FileLock, tryFlock } from "../../sys/files/flock.ts";
import { makeDirectories } from "../../sys/files/makedirectories.ts";
import { FLAG } from "../../sys/text/flags.ts";
import type { Ground } from "../launch/types.ts";

export interface PortClaim {
  release(): void;
}

/** A host that has just lost its launch releases its claim within milliseconds. */
const WAIT_MS = 1000;
const LOOK_EVERY_MS = 5;
/** For a system without a home or without `flock`: nothing is claimed, and the second program finds out for itself. */
const NOTHING: PortClaim = { release: () => {} };

/** Null when another start has it. */
export function tryClaim(
  { home, root }: Pick<Ground, "home" | "root">,
  { key, port }: { key: string; port: number },
): PortClaim | null {
  if (home === null) return NOTHING;
  const path = join(home, "ports", String(port));
  let lock: FileLock;
  try {
    makeDirectories(join(home, "ports"));
    const tried = tryFlock(path);
    if (tried.is === "busy") return null;
    if (tried.is === "unsupported") return NOTHING;
    ({ lock } = tried);
    // Used in the message for the second start; the lock alone decides.
    writeFileSync(path, `${key} of ${root}\n`);
  } catch {
    return NOTHING; // the home is read-only or full
  }
  return lock;
}

/**
 * Throws `port-taken`. `check` is called meanwhile, and throws when a listener is already in the way. If there are
 * listeners but none of them is in the way, the other start is complete and uses another address: both can have the
 * port.
 */
export async function claimPort(
  ground: Ground,
  { key, port, check }: { key: string; port: number; check: () => void },
): Promise<PortClaim> {
  const deadline = performance.now() + WAIT_MS;
  for (;;) {
    const claim = tryClaim(ground, { key, port });
    if (claim !== null) return claim;
    check();
    if (performance.now() > deadline) break;
    await Bun.sleep(LOOK_EVERY_MS);
  }
  if (ground.table.listenersOn(port).length > 0) return NOTHING;
  const text = readText(join(ground.home ?? "", "ports", String(port)));
  const whose = text.is === "there" && text.value !== "" ? text.value.trim() : "another launch";
  throw new DtError("port-taken", `${key} needs port ${port}, but ${whose} was started with it and has not ended.`, {
    hint: `Run it again with ${FLAG.port} auto, or stop the other one.`,
    details: { port, pids: [], holders: [] },
  });
}
