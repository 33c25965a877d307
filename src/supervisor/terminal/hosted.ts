/**
 * The terminal of a launch (`tty: true`), as its host holds it. The host writes the terminal's output to the log, and
 * all viewers follow the log: so no slow viewer slows the command, and there is one account of what was shown.
 */
import { constants, writeSync } from "node:fs";
import { makeModes, type ScreenModes } from "../../logs/modes.ts";
import { errnoOf } from "../../sys/base/error.ts";
import { openOwnForOthers } from "../../sys/door/door.ts";
import type { LeaderExecution, SpawnedLeader } from "../../sys/spawn/spawn.ts";
import {
  DEFAULT_SIZE,
  type LeaderTerminal,
  spawnOnTerminal,
  type TerminalSize,
  type TerminalStart,
} from "../../sys/terminal/leaderterminal.ts";

export interface HostedTerminal extends LeaderTerminal {
  readonly modes: ScreenModes;
  /** Bytes that the log could not take (the disk is full). */
  lost(): number;
  /** Whether the last key typed was Ctrl-C or Ctrl-\, at most this long ago. */
  wasInterrupted(withinMs: number): boolean;
}

/** Throws a DtError (126, 127). The log must exist. */
export function startLeaderOnTerminal(
  execution: LeaderExecution,
  { log, size, ...start }: { log: string; size: TerminalSize | null } & Pick<TerminalStart, "openFiles" | "inherits">,
): SpawnedLeader & { terminal: HostedTerminal } {
  const fd = openOwnForOthers(log, { flags: constants.O_WRONLY | constants.O_APPEND });
  const modes = makeModes();
  let lost = 0;
  let interruptedAt = Number.NEGATIVE_INFINITY;
  const keep = (bytes: Uint8Array) => {
    modes.feed(bytes);
    lost += bytes.length - writeWhole(fd, bytes);
  };
  const leader = spawnOnTerminal(execution, { size: size ?? DEFAULT_SIZE, onOutput: keep, ...start });
  const { terminal } = leader;
  return {
    ...leader,
    terminal: {
      ...terminal,
      modes,
      type(bytes) {
        const last = bytes.at(-1);
        if (last !== undefined) interruptedAt = terminal.isSignal(last) ? performance.now() : Number.NEGATIVE_INFINITY;
        terminal.type(bytes);
      },
      lost: () => lost,
      wasInterrupted: (withinMs) => performance.now() - interruptedAt <= withinMs,
    },
  };
}

/** Returns how many bytes were written. */
function writeWhole(fd: number, bytes: Uint8Array): number {
  let at = 0;
  while (at < bytes.length) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      if (errnoOf(error) !== "EINTR") return at;
    }
  }
  return at;
}
