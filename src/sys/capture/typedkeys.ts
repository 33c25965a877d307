/**
 * Keys on their way from the user's terminal to the captured command's. More are read only once the command's terminal
 * has taken those before, so what is typed ahead stays in the user's terminal. What the command leaves unread goes back
 * there.
 */
import { readSync, writeSync } from "node:fs";
import { errnoOf } from "../base/error.ts";
import { characterOf, isForeground, type Pty, readModes, takeUnread, typeInto } from "../terminal/pty.ts";
import type { Watched } from "./relay.ts";
import type { UserTerminal } from "./userterminal.ts";

const KEYS_AT_ONCE = 4096;
/** Keys written to a pseudo-terminal can be read a moment later. */
const ARRIVES_MS = 5;

export interface TypedKeys {
  /** Null when there is no terminal to type at. */
  readonly user: UserTerminal | null;
  readonly pty: Pty;
  /** Typed, but not yet with the command. */
  waiting: Buffer;
  /** Whether more may come. */
  more: boolean;
  /** When keys were last written to the command's terminal. */
  passedAt: number;
}

export function makeTypedKeys(user: UserTerminal | null, pty: Pty): TypedKeys {
  return { user, pty, waiting: Buffer.alloc(0), more: user !== null, passedAt: Number.NEGATIVE_INFINITY };
}

/** From the user's terminal. `isWanted`: whether the command can still get keys. */
export function watchTyped(keys: TypedKeys, isWanted: () => boolean): Watched {
  const { user } = keys;
  if (user === null) return { fd: -1, wants: () => "nothing", ready: () => undefined };
  const isTurn = () =>
    keys.more && user.before !== null && keys.waiting.length === 0 && isWanted() && isForeground(user.fd);
  return {
    fd: user.fd,
    wants: () => (isTurn() ? "input" : "nothing"),
    ready() {
      const bytes = readKeys(user.fd);
      if (bytes === null) keys.more = false;
      else keys.waiting = Buffer.concat([keys.waiting, bytes]);
    },
  };
}

/** Null when no more keys will come. */
function readKeys(fd: number): Buffer | null {
  const bytes = Buffer.alloc(KEYS_AT_ONCE);
  try {
    const length = readSync(fd, bytes, 0, KEYS_AT_ONCE, null);
    return length === 0 ? null : bytes.subarray(0, length);
  } catch (error) {
    return errnoOf(error) === "EAGAIN" ? Buffer.alloc(0) : null;
  }
}

/** To the command's terminal. `isWanted` as above. */
export function watchPassed(keys: TypedKeys, isWanted: () => boolean): Watched {
  const { master } = keys.pty;
  return {
    fd: master,
    wants: () => (keys.waiting.length > 0 && isWanted() ? "room" : "nothing"),
    ready() {
      try {
        keys.waiting = keys.waiting.subarray(writeSync(master, keys.waiting));
        keys.passedAt = performance.now();
      } catch (error) {
        if (errnoOf(error) !== "EAGAIN") keys.waiting = Buffer.alloc(0);
      }
    },
  };
}

/** Adds the character that means this key in the modes the command made. */
export function pressKey(keys: TypedKeys, key: Parameters<typeof characterOf>[1]): void {
  const now = readModes(keys.pty.master);
  if (now !== null) keys.waiting = Buffer.concat([keys.waiting, Buffer.from([characterOf(now, key)])]);
}

/** Input that the command did not read goes to the next reader of the terminal, as it would without dt. */
export function returnKeys(keys: TypedKeys): void {
  const { user, pty } = keys;
  if (user === null || !user.isInput || user.before === null || !isForeground(user.fd)) return;
  if (performance.now() - keys.passedAt < ARRIVES_MS) Bun.sleepSync(ARRIVES_MS);
  typeInto(user.fd, Buffer.concat([takeUnread(pty.slave), keys.waiting]));
  keys.waiting = Buffer.alloc(0);
}
