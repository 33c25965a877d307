/** A host that was asked for something, and is then stopped (SIGSTOP, a debugger): its callers do not wait for it. */
import { identify, isSuspended, type ProcessTable } from "../../sys/process/identity.ts";

/** How long after it was asked it is looked at for the first time, in milliseconds. Most starts are over by then. */
const FIRST_LOOK_MS = 400;
const LOOK_EVERY_MS = 50;
/** A process that is traced stops for instants: it has to be stopped at so many looks in a row. */
const LOOKS = 6;

/** `is` resolves once the process has been stopped for 300 ms. Close it when that no longer matters. */
export function watchSuspended(table: ProcessTable, pid: number): { is: Promise<void>; close(): void } {
  const suspended = Promise.withResolvers<void>();
  let inRow = 0;
  let timer: ReturnType<typeof setTimeout>;
  const look = () => {
    const entry = table.entry(pid);
    inRow = entry !== null && isSuspended(table, identify(table, entry)) ? inRow + 1 : 0;
    if (inRow >= LOOKS) suspended.resolve();
    else timer = setTimeout(look, LOOK_EVERY_MS);
  };
  timer = setTimeout(look, FIRST_LOOK_MS);
  return { is: suspended.promise, close: () => clearTimeout(timer) };
}
