/** That /dev/null is what it should be. Where it is missing Bun makes an ordinary file of that name, which keeps what is written to it. */
import { statSync } from "node:fs";
import { DtError, EXIT } from "./error.ts";

/** To be called before something is started with no input of its own. */
export function checkNullDevice(): void {
  if (statSync("/dev/null", { throwIfNoEntry: false })?.isCharacterDevice()) return;
  throw new DtError(
    "no-null-device",
    "What dt starts in the background reads from /dev/null, which is not there as a device.",
    { status: EXIT.internal, hint: "Make it: mknod -m 666 /dev/null c 1 3" },
  );
}
