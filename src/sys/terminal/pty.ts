/**
 * Pseudo-terminals, and the modes and size of a terminal. Linux only. A descriptor that is not a terminal gives null,
 * or nothing happens.
 */
import { constants, openSync, readSync } from "node:fs";
import { libc, ptr } from "../ffi/libc.ts";
import { bytesWaiting, posix } from "../ffi/posix.ts";

/** From <asm-generic/ioctls.h>, ioctl_tty(2). */
const TIOCSPTLCK = 0x40045431;
const TIOCGPTPEER = 0x5441;
const TIOCGWINSZ = 0x5413;
const TIOCSWINSZ = 0x5414;
const TIOCSCTTY = 0x540e;
const TIOCSTI = 0x5412;
/** From <fcntl.h>, fcntl(2). */
const O_CLOEXEC = 0o2000000;
const F_SETFL = 4;

/**
 * Room for a `struct termios`, <termios.h>: the flags are its first four words, then a byte, then the control
 * characters.
 */
const TERMIOS_BYTES = 64;
const LOCAL_FLAGS = 12;
const CONTROL = 17;
/** From <termios.h>, termios(3). */
const ISIG = 1;
const ECHO = 8;
const TCSANOW = 0;
const TCSADRAIN = 1;

export interface Pty {
  /** Non-blocking. */
  master: number;
  slave: number;
}

/** Null when none is available: a bare `/dev`, or all in use. Closed on exec. */
export function openPty(): Pty | null {
  let master: number;
  try {
    master = openSync("/dev/ptmx", constants.O_RDWR | constants.O_NOCTTY);
  } catch {
    return null;
  }
  posix().ioctl(master, TIOCSPTLCK, ptr(new Int32Array(1)));
  // Opened through the master itself, since its name below /dev/pts may belong to another mount.
  const slave = posix().ioctl(master, TIOCGPTPEER, constants.O_RDWR | constants.O_NOCTTY | O_CLOEXEC);
  libc().fcntl(master, F_SETFL, constants.O_RDWR | constants.O_NONBLOCK);
  return slave < 0 ? null : { master, slave };
}

/** Makes this the terminal of this session, which this process must lead. */
export function takeTerminal(fd: number): void {
  posix().ioctl(fd, TIOCSCTTY, 0);
}

/** Gives `to` the size of `from`; the kernel signals the programs in the foreground of `to`. */
export function copySize(from: number, to: number): void {
  const size = new Uint16Array(4);
  if (posix().ioctl(from, TIOCGWINSZ, ptr(size)) === 0) posix().ioctl(to, TIOCSWINSZ, ptr(size));
}

export type Modes = Buffer;

/** Null when it is not a terminal. */
export function readModes(fd: number): Modes | null {
  const modes = Buffer.alloc(TERMIOS_BYTES);
  return posix().tcgetattr(fd, ptr(modes)) === 0 ? modes : null;
}

export function writeModes(fd: number, modes: Modes): void {
  posix().tcsetattr(fd, TCSADRAIN, ptr(modes));
}

/** Keys unchanged, nothing echoed; with `signals`, Ctrl-C and its like still are signals. */
export function rawModes(modes: Modes, signals: boolean): Modes {
  const raw = Buffer.from(modes);
  posix().cfmakeraw(ptr(raw));
  if (signals) raw.writeUInt32LE((raw.readUInt32LE(LOCAL_FLAGS) | ISIG) >>> 0, LOCAL_FLAGS);
  return raw;
}

/** Turns echo on or off. False when it was so already, or this is not a terminal. */
export function setEcho(fd: number, on: boolean): boolean {
  const modes = readModes(fd);
  if (modes === null) return false;
  const flags = modes.readUInt32LE(LOCAL_FLAGS);
  if (((flags & ECHO) !== 0) === on) return false;
  modes.writeUInt32LE((flags ^ ECHO) >>> 0, LOCAL_FLAGS);
  writeModes(fd, modes);
  return true;
}

/** Takes the input of a terminal that no program has read. Changes the terminal's modes to do so. */
export function takeUnread(fd: number): Buffer {
  const modes = readModes(fd);
  // An unfinished line cannot be read otherwise. It does not wait for output to drain: the reader of that may be this
  // process.
  if (modes !== null) posix().tcsetattr(fd, TCSANOW, ptr(rawModes(modes, false)));
  const bytes = Buffer.alloc(modes === null ? 0 : bytesWaiting(fd));
  return bytes.length === 0 ? bytes : bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, null));
}

/** Puts bytes in as if they were typed. Kernels since 6.2 may refuse that to all but root: the input is then lost. */
export function typeInto(fd: number, bytes: Uint8Array): void {
  for (const byte of bytes) if (posix().ioctl(fd, TIOCSTI, ptr(new Uint8Array([byte]))) !== 0) return;
}

/** VINTR, VQUIT and VSUSP, from <termios.h>. */
const KEYS = { interrupt: 0, quit: 1, suspend: 10 } as const;

/** The character that these modes use for this key. */
export function characterOf(modes: Modes, key: keyof typeof KEYS): number {
  return modes[CONTROL + KEYS[key]] as number;
}

/**
 * Whether this process may read and change the terminal. True for a terminal that is not this session's: job control
 * does not apply there.
 */
export function isForeground(fd: number): boolean {
  const group = posix().tcgetpgrp(fd);
  return group < 0 || group === posix().getpgid(0);
}
