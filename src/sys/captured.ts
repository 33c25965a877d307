/** What the two ways to capture a command have in common: on pipes and on a terminal of its own. */
import type { Mask } from "./held.ts";
import { makePipe } from "./pipe.ts";
import { posix } from "./posix.ts";
import type { Relay } from "./relay.ts";
import type { EndStatus } from "./status.ts";

export interface CapturePlan {
  file: string;
  words: readonly string[];
  environment: readonly string[];
  descriptors: readonly number[];
  /** The signals that dt was started with blocked. */
  mask: Mask;
  /** How dt starts itself. */
  self: readonly string[];
}

export interface Captured extends Omit<Relay, "keep" | "ended"> {
  status(): EndStatus | null;
  /** The last signal that was passed on, or that the terminal sent. */
  signalled(): number | null;
  /** To be called when all is passed on: gives back what was taken. */
  close(): void;
}

/**
 * To be called last: Bun gives its standard streams, where they were terminals at its start, the modes they had then, also when a shell has
 * the terminal by now. What is no terminal any more it leaves alone.
 */
export function letGoOfStreams(): void {
  const { reading } = makePipe();
  for (const fd of [0, 1, 2]) posix().dup2(reading, fd);
}

/** dt lets go of its standard input: who writes to it is to see when the command has closed it. */
export function letGoOfInput(other: number): void {
  posix().dup2(other, 0);
}
