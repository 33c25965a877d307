/** The parts shared by the two ways to capture a command: on pipes, and on a terminal of its own. */
import type { EndStatus } from "../base/status.ts";
import { makePipe } from "../ffi/pipe.ts";
import { posix } from "../ffi/posix.ts";
import type { Relay } from "./relay.ts";
import type { Mask } from "./signalfd.ts";

export interface CapturePlan {
  file: string;
  words: readonly string[];
  environment: readonly string[];
  descriptors: readonly number[];
  /** The signals that were blocked when dt was started. */
  mask: Mask;
  /** The command line by which dt starts itself. */
  self: readonly string[];
}

export interface Captured extends Omit<Relay, "keep" | "ended"> {
  status(): EndStatus | null;
  /** The last signal that dt passed on or that the terminal sent. */
  signalled(): number | null;
  /** Call when all output has been passed on. Gives back what was taken. */
  close(): void;
}

/**
 * Call last. At its exit Bun gives standard streams that were terminals at its start the modes they had then, even if a
 * shell has the terminal by now. It leaves alone a stream that is no longer a terminal.
 */
export function letGoOfStreams(): void {
  const { reading } = makePipe();
  for (const fd of [0, 1, 2]) posix().dup2(reading, fd);
}

/** dt lets go of its standard input, so the writer gets EPIPE once the command closes it. */
export function letGoOfInput(other: number): void {
  posix().dup2(other, 0);
}
