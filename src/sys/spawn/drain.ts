/**
 * Output for a program that opens it again by name. A log is a regular file: `> /dev/stderr` opens it again without
 * O_APPEND and truncates it. No flag, mode or lease available to an ordinary user prevents that without failing the
 * open. A pipe cannot be truncated. So such a command gets a pipe, and a small dt process (`dt __drain`, in its own
 * session) appends what comes out of it to the log. The drain ends when the last process that holds the pipe has ended.
 * Killing the host takes nothing with it. If the drain is killed, the host, which holds the pipe open, starts another.
 *
 * Known limits: Linux only (on macOS such a name gives the same open file). If host and drain are both killed, the
 * command gets SIGPIPE.
 */
import { closeSync, fstatSync, readSync, writeSync } from "node:fs";
import { errnoOf } from "../base/error.ts";
import { HIDDEN } from "../base/hidden.ts";
import { sameBuildCommand } from "../base/self.ts";
import { statOf } from "../base/stat.ts";
import { libc } from "../ffi/libc.ts";
import { makePipe } from "../ffi/pipe.ts";
import { bytesWaiting, posix } from "../ffi/posix.ts";
import { bunSpawn } from "./bunspawn.ts";
import { withCleanLimits } from "./childstart.ts";

/** This mark keeps every launch from counting the drain as its own, like a host (supervisor/launch/marks.ts). */
const MARK = { DIALTONE_HOST: "output" };
const CHUNK = 64 * 1024;
/** How long the drain may take, after the leader's end, for its last output. */
const LAST_MS = 1000;
const LOOK_EVERY_MS = 2;
const AGAIN_MS = 50;
/** From <fcntl.h>, fcntl(2). */
const F_DUPFD_CLOEXEC = 1030;

export interface Drain {
  /** The descriptor that the command gets for its output. */
  writing: number;
  /** Call when the command has it, or could not be started. */
  letGo(): void;
  /** Resolves when all output so far is in the log. */
  drained(): Promise<void>;
}

/** Null when no drain can be made: the log itself is then the output. */
export function openDrain(logFd: number): Drain | null {
  if (process.platform !== "linux") return null;
  let ends: ReturnType<typeof makePipe>;
  try {
    ends = makePipe();
  } catch {
    return null;
  }
  const { reading, writing } = ends;
  let over = false;
  const start = () => {
    const child = withCleanLimits({ openFiles: null, lineage: null }, () =>
      bunSpawn([...sameBuildCommand(), HIDDEN.drain], {
        cwd: "/",
        env: MARK,
        detached: true,
        stdin: reading,
        stdout: log,
        stderr: "ignore",
      }),
    );
    void child.exited.then(async () => {
      if (child.signalCode !== null) return again();
      over = true;
      closeSync(reading);
      closeSync(log);
    });
    child.unref();
  };
  const again = async () => {
    await Bun.sleep(AGAIN_MS);
    try {
      start();
    } catch {
      void again(); // no process can be started for now
    }
  };
  // Its own copy, because the caller closes the log's descriptor once the command has begun.
  const log = libc().fcntl(logFd, F_DUPFD_CLOEXEC, 0);
  try {
    start();
  } catch {
    for (const fd of [reading, writing, log]) closeSync(fd);
    return null;
  }
  return {
    writing,
    letGo: () => closeSync(writing),
    async drained() {
      const deadline = performance.now() + LAST_MS;
      do await Bun.sleep(LOOK_EVERY_MS);
      while (!over && bytesWaiting(reading) > 0 && performance.now() < deadline);
      // The drain may have read bytes that it has not written yet.
      if (!over) await Bun.sleep(LOOK_EVERY_MS);
    },
  };
}

/**
 * Call before this process becomes a command that opens its output again. Where both output streams are this file, they
 * are replaced by a pipe. Streams to any other file are left alone: the process that provided that file may read it as
 * soon as the command has ended.
 */
export function drainOwnOutput(log: string): void {
  const [out, err, own] = [fstatSync(1), fstatSync(2), statOf(log)];
  if (!out.isFile() || [err, own].some((one) => one?.ino !== out.ino || one.dev !== out.dev)) return;
  const drain = openDrain(1);
  if (drain === null) return;
  for (const fd of [1, 2]) posix().dup2(drain.writing, fd);
  drain.letGo();
}

/** `dt __drain`: copies standard input to standard output up to its end, whatever signals it gets. */
export function runDrain(): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const) process.on(signal, () => {});
  const buffer = Buffer.alloc(CHUNK);
  for (;;) {
    let length: number;
    try {
      length = readSync(0, buffer, 0, CHUNK, null);
    } catch (error) {
      if (errnoOf(error) === "EINTR") continue;
      return;
    }
    if (length === 0) return;
    append(buffer.subarray(0, length));
  }
}

/** Bytes that a full disk refuses are lost, as for a command that writes to the log itself. */
function append(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(1, bytes, at);
    } catch (error) {
      if (errnoOf(error) !== "EINTR") return;
    }
  }
}
