/**
 * Following a log as it grows, across its replacement by a new run, truncation and removal: what was written before the
 * change is delivered first, also of runs that came and went between two looks, as long as they lie beside it. Woken by the kernel's file events, with a slow poll beneath for file systems that have none.
 */
import { closeSync, constants, fstatSync, readSync, watch } from "node:fs";
import { dirname } from "node:path";
import { statThere } from "../sys/descend.ts";
import { openOwn } from "../sys/door.ts";

export interface FollowOptions {
  path: string;
  /** Byte offset to begin at, in the file that is there now. */
  from: number;
  /** Stay with the file that is there now, whatever takes its name: for one run's output. Default false. */
  oneRun?: boolean;
  /** The file is opened at once, but nothing is delivered before this. */
  after?: Promise<void>;
  /** Gets the bytes and where in their file they begin; false ends the following (the reader has gone). A promise is waited for. */
  onBytes(bytes: Uint8Array, offset: number): boolean | Promise<boolean>;
  /** Asked now and then while nothing comes; true ends the following. */
  isGone?(): boolean;
  /** Called after each look that found nothing more in the file. */
  onQuiet?(): void;
  /** Called when a new file took the log's place, before its bytes are delivered. */
  onNewRun?(file: { dev: number; ino: number }): void;
  /** Ends the following; what was written until then is delivered. */
  signal: AbortSignal;
}

const CHUNK = 256 * 1024;
/** Where file events do not arrive (network mounts), this is the delay. */
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
    return openOwn(path, constants.O_RDONLY);
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

/** The run after the one that is open: if that lies beside the log as `.3` by now, then `.2`; if it is not there any more, the log itself. */
function openNext(path: string, fd: number | null): number | null {
  for (;;) {
    const age = fd === null ? 0 : ageOf(path, fd);
    const next = openOrNull(age < 2 ? path : `${path}.${age - 1}`);
    // While the runs were counted, they may have been moved on by one.
    if (fd === null || age === 0 || ageOf(path, fd) === age) return next;
    if (next !== null) closeSync(next);
  }
}

/** Which earlier run this file is; 0 when it is none of them. */
function ageOf(path: string, fd: number): number {
  const open = fstatSync(fd);
  for (let age = 1; ; age++) {
    const there = statThere(`${path}.${age}`);
    if (there === undefined) return 0;
    if (isSameFile(open, there)) return age;
  }
}

/** The directory is watched, not the file: a file's watch dies with the rename that begins a new run. */
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
    // no file events here: the poll does it
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
