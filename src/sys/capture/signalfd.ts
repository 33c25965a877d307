/**
 * Signals as a readable file (`signalfd`). None is lost and none interrupts. Each tells whether it came from the
 * terminal, which then sent it to the whole group, or from a process. This requires every thread to block them, and Bun
 * starts its threads with the main thread's mask. So dt blocks them and becomes itself again (`becomeDt`). Linux only.
 */
import { closeSync, readSync } from "node:fs";
import { libc, ptr } from "../ffi/libc.ts";
import { posix } from "../ffi/posix.ts";

/** From <signal.h>, sigprocmask(2). */
const SIG_BLOCK = 0;
const SIG_UNBLOCK = 1;
const SIG_SETMASK = 2;
const SIG_DFL = 0;
/** From <sys/signalfd.h>, signalfd(2): the flags, and the size of a `struct signalfd_siginfo`. */
const SFD_CLOEXEC = 0o2000000;
const SFD_NONBLOCK = 0o4000;
const INFO_BYTES = 128;
/** The size of a `sigset_t`. */
const SIGSET_BYTES = 128;
/** From <asm-generic/siginfo.h>, sigaction(2). */
const SI_KERNEL = 0x80;
/** From <linux/prctl.h>, prctl(2). */
const PR_SET_DUMPABLE = 4;

/** The numbers on x86 and ARM, signal(7). */
export const SIGNAL = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  USR1: 10,
  USR2: 12,
  ALRM: 14,
  TERM: 15,
  CHLD: 17,
  CONT: 18,
  STOP: 19,
  TSTP: 20,
  TTIN: 21,
  TTOU: 22,
  WINCH: 28,
} as const;

/** Whether this system has what capturing needs. */
export const canHoldSignals = (): boolean => process.platform === "linux";

/** Signals that end a program without a handler. */
const ENDING = [SIGNAL.HUP, SIGNAL.INT, SIGNAL.QUIT, SIGNAL.USR1, SIGNAL.USR2, SIGNAL.ALRM, SIGNAL.TERM];
/** On a terminal, dt follows its size, and stops and continues together with the command. */
export const OF_TERMINALS = [SIGNAL.CONT, SIGNAL.TSTP, SIGNAL.TTIN, SIGNAL.TTOU, SIGNAL.WINCH];

export function heldSignals(onTerminal: boolean): number[] {
  return [...ENDING, SIGNAL.CHLD, ...(onTerminal ? OF_TERMINALS : [])];
}

export type Mask = Uint8Array;

export function maskOf(signals: readonly number[]): Mask {
  const mask = new Uint8Array(SIGSET_BYTES);
  for (const signal of signals)
    mask[(signal - 1) >> 3] = (mask[(signal - 1) >> 3] as number) | (1 << ((signal - 1) & 7));
  return mask;
}

/** Returns the previous mask. */
export function block(signals: readonly number[]): Mask {
  const before = maskOf([]);
  libc().pthread_sigmask(SIG_BLOCK, ptr(maskOf(signals)), ptr(before));
  return before;
}

export function unblock(signals: readonly number[]): void {
  libc().pthread_sigmask(SIG_UNBLOCK, ptr(maskOf(signals)), null);
}

export function setMask(mask: Mask): void {
  libc().pthread_sigmask(SIG_SETMASK, ptr(mask), null);
}

/** A mask as a word of a command line, and back. */
export const formatMask = (mask: Mask): string => Buffer.from(mask.subarray(0, 8)).toString("hex");
export function parseMask(text: string): Mask {
  const mask = maskOf([]);
  mask.set(Buffer.from(text, "hex"));
  return mask;
}

export interface Arrival {
  signal: number;
  /** Sent by the kernel, so to the whole group, not by a process. */
  fromKernel: boolean;
}

export interface SignalFile {
  fd: number;
  /** All signals that have arrived. */
  read(): Arrival[];
  close(): void;
}

export function openSignals(signals: readonly number[]): SignalFile {
  const fd = posix().signalfd(-1, ptr(maskOf(signals)), SFD_CLOEXEC | SFD_NONBLOCK);
  const info = Buffer.alloc(INFO_BYTES);
  return {
    fd,
    read() {
      const arrivals: Arrival[] = [];
      for (;;) {
        try {
          if (readSync(fd, info, 0, INFO_BYTES, null) !== INFO_BYTES) return arrivals;
        } catch {
          return arrivals; // EAGAIN: that was all
        }
        arrivals.push({ signal: info.readUInt32LE(0), fromKernel: info.readInt32LE(8) === SI_KERNEL });
      }
    },
    close: () => closeSync(fd),
  };
}

/**
 * Ends this process by a signal, without a core dump. Returns when that does not work (the first process of a
 * container).
 */
export function dieBy(signal: number): void {
  libc().prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  libc().signal(signal, SIG_DFL);
  unblock([signal]);
  posix().kill(process.pid, signal);
}
