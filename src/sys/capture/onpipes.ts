/**
 * Runs a captured command on pipes, in dt's own process group. A signal that a terminal sends to the group reaches the
 * command directly. A signal that a process sends to dt is passed on, except a terminal's signal that a wrapper sends
 * once more. Its standard input is dt's. When output and errors go to one place they share one pipe, so their order is
 * exact.
 */
import { closeSync, fstatSync } from "node:fs";
import type { EndStatus } from "../base/status.ts";
import { makePipe } from "../ffi/pipe.ts";
import { posix } from "../ffi/posix.ts";
import { makeKernelPresses } from "../terminal/presses.ts";
import { lookAtChild, reap, spawnChild } from "./child.ts";
import { type Captured, type CapturePlan, letGoOfInput } from "./plan.ts";
import { heldSignals, openSignals, SIGNAL } from "./signalfd.ts";
import type { RelaySource } from "./stream.ts";

/** Throws the system's error when the command cannot be started. */
export function startOnPipes(plan: CapturePlan): Captured {
  const output = makePipe();
  const errors = isOnePlace() ? output : makePipe();
  const signals = openSignals(heldSignals(false));
  const pid = spawnChild({ ...plan, streams: [0, output.writing, errors.writing] });
  closeSync(output.writing);
  if (errors !== output) closeSync(errors.writing);
  for (const fd of plan.descriptors) closeSync(fd);
  letGoOfInput(signals.fd);
  const sources: RelaySource[] = [{ from: output.reading, to: 1 }];
  if (errors !== output) sources.push({ from: errors.reading, to: 2 });
  let status: EndStatus | null = null;
  let last: number | null = null;

  const pressed = makeKernelPresses();
  const leads = posix().getsid(0) === process.pid;
  /**
   * Whether the command has this signal already: a terminal signals the whole group, but reports its hangup to a
   * session leader alone.
   */
  const hasIt = (signal: number, fromKernel: boolean) => fromKernel && !(signal === SIGNAL.HUP && leads);

  return {
    sources,
    watched: [
      {
        fd: signals.fd,
        wants: () => "input",
        ready() {
          for (const { signal, fromKernel } of signals.read()) {
            if (signal === SIGNAL.CHLD || status !== null) continue;
            if (pressed.isHandedOn(signal, fromKernel)) continue;
            last = signal;
            if (!hasIt(signal, fromKernel)) posix().kill(pid, signal);
          }
          const seen = lookAtChild(pid);
          if (seen?.is !== "ended") return;
          status = { code: seen.code, signal: seen.signal };
          reap(pid);
        },
      },
    ],
    lost: () => undefined,
    longest: () => -1,
    status: () => status,
    signalled: () => last,
    close: signals.close,
  };
}

function isOnePlace(): boolean {
  try {
    const [output, errors] = [fstatSync(1), fstatSync(2)];
    return output.dev === errors.dev && output.ino === errors.ino;
  } catch {
    return false;
  }
}
