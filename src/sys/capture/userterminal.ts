/**
 * The user's terminal while a command is captured on another one behind it. It is raw while dt is in its foreground,
 * so that keys arrive unchanged, and has its own modes otherwise. In the background dt touches it as little as the
 * command could.
 */
import { constants, openSync } from "node:fs";
import { isTerminal } from "../stdio/stdio.ts";
import { isForeground, type Modes, rawModes, readModes, writeModes } from "../terminal/pty.ts";

export interface UserTerminal {
  /** Where the user types: standard input or, if that is not a terminal, the session's terminal. */
  readonly fd: number;
  /** Whether that is dt's standard input. */
  readonly isInput: boolean;
  /** The modes it had when dt opened it; null when they cannot be read. */
  readonly first: Modes | null;
  /** The modes it had when dt made it raw; null while it is not raw. */
  before: Modes | null;
}

/** Null when there is no terminal to type at. */
export function openUserTerminal(): UserTerminal | null {
  const fd = openTypedAt();
  if (fd === null) return null;
  return { fd, isInput: isTerminal(0), first: readModes(fd), before: null };
}

function openTypedAt(): number | null {
  if (isTerminal(0)) return 0;
  try {
    return openSync("/dev/tty", constants.O_RDWR | constants.O_NOCTTY);
  } catch {
    return null;
  }
}

/**
 * The modes that dt gives it. Where it is not dt's standard input, it still turns Ctrl-C and its like into signals, for
 * the rest of the pipeline.
 */
export function rawModesFor({ isInput }: UserTerminal, modes: Modes): Modes {
  return rawModes(modes, !isInput);
}

/** Makes it raw while dt is in its foreground. */
export function takeUserTerminal(user: UserTerminal): void {
  if (user.before !== null || !isForeground(user.fd)) return;
  user.before = readModes(user.fd);
  if (user.before !== null) writeModes(user.fd, rawModesFor(user, user.before));
}

export function giveBackUserTerminal(user: UserTerminal): void {
  if (user.before !== null && isForeground(user.fd)) writeModes(user.fd, user.before);
  user.before = null;
}
