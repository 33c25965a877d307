/**
 * Checks that /dev/null is a device. Where it is missing, Bun creates an ordinary file of that name, which keeps what
 * is written to it.
 */
import { statSync } from "node:fs";
import { DtError, EXIT } from "../base/error.ts";

/** Call this before starting a process without an input of its own. */
export function checkNullDevice(): void {
  if (statSync("/dev/null", { throwIfNoEntry: false })?.isCharacterDevice()) return;
  throw new DtError(
    "no-null-device",
    "/dev/null is missing or not a device, and what dt starts in the background reads from it.",
    { status: EXIT.internal, hint: "Create it: mknod -m 666 /dev/null c 1 3" },
  );
}
