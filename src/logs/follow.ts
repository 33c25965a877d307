/**
 * Follows a log as it grows, across replacement by a new run, truncation and removal. Bytes written before such a
 * change are delivered first, also those of runs that came and went between two looks, as long as their files lie
 * beside the log. The kernel's file events wake it; a slow poll serves file systems that have none.
 */
import { closeSync, constants, fstatSync, readSync, watch } from "node:fs";
import { dirname } from "node:path";
import { statThere } from "../sys/door/descend.ts";
import { openOwn } from "../sys/door/door.ts";

export interface FollowOptions {
  path: string;
  /** Byte offset to begin at, in the current file. */
  from: number;
  /** Stay with the current file even when another file takes its name: for one run's output. Default false. */
  oneRun?: boolean;
  /** The file is opened at once, but nothing is delivered before this resolves. */
  after?: Promise<void>;
  /**
   * Receives bytes and their offset in the file; false ends the following (the reader has gone). Promises are awaited.
   */
  onBytes(bytes: Uint8Array, offset: number): boolean | Promise<boolean>;
  /** Called now and then while nothing arrives; true ends the following. */
  isGone?(): boolean;
  /** Called after each look that found nothing more in the file. */
  onQuiet?(): void;
  /** Called when a new file has taken the log's place, before its bytes are delivered. */
  onNewRun?(file: { dev: number; ino: number }): void;
  /** Ends the following; everything written until then is delivered first. */
  signal: AbortSignal;
}

const CHUNK = 256 * 1024;
/** How late bytes arrive where there are no file events (network mounts). */
const POLL_MS = 100;

export async function followFile(options: FollowOptions): Promise<void> {
  const { path, signal } = options;
  const buffer = Buffer.alloc(CHUNK);
  let fd = openOrNull(path);
  let offset = options.from;
  const wake = makeWaker(path, signal);
  await options.after;

  /** False when the reader has gone. */
  async function drain(): Promise<boolean> {
    if (fd === null) return true;
    for (;;) {
      if (fstatSync(fd).size < offset) offset = 0; // truncated
      const length = readSync(fd, buffer, 0, CHUNK, offset);
      if (length === 0) return true;
      offset += length;
      const goOn = options.onBytes(buffer.subarray(0, length), offset - length);
      if (!(typeof goOn === "boolean" ? goOn : await goOn)) return false;
    }
  }

  try {
    for (;;) {
      const ending = signal.aborted;
      const replaced = options.oneRun !== true && (fd === null || isReplaced(fd, path));
      if (!(await drain())) return;
      if (replaced) {
        const next = openNext(path, fd);
        if (next !== null) {
          if (fd !== null) closeSync(fd);
          fd = next;
          offset = 0;
          options.onNewRun?.(fstatSync(next));
          continue;
        }
      }
      if (ending || options.isGone?.() === true) return;
      options.onQuiet?.();
      await wake.wait(POLL_MS);
    }
  } finally {
    wake.close();
    if (fd !== null) closeSync(fd);
  }
}

function openOrNull(path: string): number | null {
  try {
    return openOwn(path, { flags: constants.O_RDONLY });
  } catch {
    return null;
  }
}

function isReplaced(fd: number, path: string): boolean {
  const there = statThere(path);
  return there !== undefined && !isSameFile(fstatSync(fd), there);
}

function isSameFile(a: { dev: number; ino: number }, b: { dev: number; ino: number }): boolean {
  return a.ino === b.ino && a.dev === b.dev;
}

/**
 * The run after the open one: when the open one lies beside the log as `.3` by now, that is `.2`; when the open one is
 * gone from there, it is the log itself.
 */
function openNext(path: string, fd: number | null): number | null {
  for (;;) {
    const age = fd === null ? 0 : ageOf(path, fd);
    const next = openOrNull(age < 2 ? path : `${path}.${age - 1}`);
    // A new run may have moved the files on by one in the meantime.
    if (fd === null || age === 0 || ageOf(path, fd) === age) return next;
    if (next !== null) closeSync(next);
  }
}

/** Which earlier run this file is; 0 when it is none. */
function ageOf(path: string, fd: number): number {
  const open = fstatSync(fd);
  for (let age = 1; ; age++) {
    const there = statThere(`${path}.${age}`);
    if (there === undefined) return 0;
    if (isSameFile(open, there)) return age;
  }
}

/** Watches the directory, not the file: a file's watch dies with the rename that begins a new run. */
function makeWaker(path: string, signal: AbortSignal) {
  let ring = () => {};
  let rung = false;
  const wakeUp = () => {
    rung = true;
    ring();
  };
  let watcher: ReturnType<typeof watch> | null = null;
  try {
    watcher = watch(dirname(path), wakeUp);
    watcher.on("error", () => watcher?.close());
  } catch {
    // no file events here: the poll takes over
  }
  signal.addEventListener("abort", wakeUp);
  return {
    async wait(ms: number): Promise<void> {
      if (!rung) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms);
          ring = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      rung = false;
      ring = () => {};
    },
    close() {
      signal.removeEventListener("abort", wakeUp);
      watcher?.close();
    },
  };
}
