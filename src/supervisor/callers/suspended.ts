/** A host that was asked for something, and is then stopped (SIGSTOP, a debugger): its callers do not wait for it. */
import { identify, isSuspended, type ProcessTable } from "../../sys/process/identity.ts";

/** How long after it was asked it is looked at for the first time, in milliseconds. Most starts are over by then. */
const FIRST_LOOK_MS = 400;
const LOOK_EVERY_MS = 50;

export interface SuspendedWatch {
  /** Resolves once the process has been stopped, at each look, for as long as it may be. */
  is: Promise<void>;
  close(): void;
}

/** `mostMs`: how long it may be stopped, asked at each look. A process that is traced stops for instants. */
export function watchSuspended(
  table: ProcessTable,
  { pid, mostMs }: { pid: number; mostMs: () => number },
): SuspendedWatch {
  const suspended = Promise.withResolvers<void>();
  let since: number | null = null;
  let timer: ReturnType<typeof setTimeout>;
  const look = () => {
    const entry = table.entry(pid);
    const now = performance.now();
    since = entry !== null && isSuspended(table, identify(table, entry)) ? (since ?? now) : null;
    if (since !== null && now - since >= mostMs()) suspended.resolve();
    else timer = setTimeout(look, LOOK_EVERY_MS);
  };
  timer = setTimeout(look, FIRST_LOOK_MS);
  return { is: suspended.promise, close: () => clearTimeout(timer) };
}
