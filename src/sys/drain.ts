/**
 * Output that a program opens again by name. A log is a regular file, and `> /dev/stderr` opens it again without O_APPEND and cuts it: no
 * flag, mode or lease that an ordinary user has keeps a file from that without failing the open. A pipe it does not cut. So a command that does
 * this gets a pipe, and a small process of dt's own (`dt __drain`, in a session of its own) appends what comes out of it to the log. It ends when the last
 * process that holds the pipe has ended. A host that is killed takes nothing with it; a drain that is killed is started again by the host, which
 * holds the pipe open.
 *
 * Known limits: Linux alone (macOS gives the same open file for such a name). Host and drain both killed: the command gets SIGPIPE.
 */
import { closeSync, fstatSync, readSync, writeSync } from "node:fs";
import { bunSpawn } from "./bunspawn.ts";
import { errnoOf } from "./error.ts";
import { HIDDEN } from "./hidden.ts";
import { libc, ptr } from "./libc.ts";
import { withCleanLimits } from "./limits.ts";
import { makePipe } from "./pipe.ts";
import { posix } from "./posix.ts";
import { sameBuildCommand } from "./self.ts";
import { statOf } from "./stat.ts";

/** By this mark no launch takes it for its own, as a host (supervisor/marks.ts). */
const MARK = { DIALTONE_HOST: "output" };
const CHUNK = 64 * 1024;
const FIONREAD = 0x541b;
/** After the leader's end, for what it wrote last. */
const LAST_MS = 1000;
const LOOK_EVERY_MS = 2;
const AGAIN_MS = 50;
const F_DUPFD_CLOEXEC = 1030;

export interface Drain {
  /** What the command gets for its output. */
  writing: number;
  /** To be called when the command has it, or could not be started. */
  letGo(): void;
  /** Resolves when all that was written so far is in the log. */
  drained(): Promise<void>;
}

/** Null where there is none to be had: the log itself is then the output. */
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
    const child = withCleanLimits(
      null,
      () =>
        bunSpawn([...sameBuildCommand(), HIDDEN.drain], {
          cwd: "/",
          env: MARK,
          detached: true,
          stdin: reading,
          stdout: log,
          stderr: "ignore",
        }),
      null,
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
      void again(); // no process to be had for now
    }
  };
  // Its own, since the caller closes the log's when the command has begun.
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
      while (!over && waitingIn(reading) > 0 && performance.now() < deadline);
      // Read is not yet written.
      if (!over) await Bun.sleep(LOOK_EVERY_MS);
    },
  };
}

/**
 * Before this process becomes a command that opens its output again: its own output, where both streams are this file, goes through a pipe. Not
 * where they are another one, which whoever gave it may read as soon as the command has ended.
 */
export function drainOwnOutput(log: string): void {
  const [out, err, own] = [fstatSync(1), fstatSync(2), statOf(log)];
  if (!out.isFile() || [err, own].some((one) => one?.ino !== out.ino || one.dev !== out.dev)) return;
  const drain = openDrain(1);
  if (drain === null) return;
  for (const fd of [1, 2]) posix().dup2(drain.writing, fd);
  drain.letGo();
}

function waitingIn(fd: number): number {
  const bytes = new Int32Array(1);
  return posix().ioctl(fd, FIONREAD, ptr(bytes)) === 0 ? (bytes[0] as number) : 0;
}

/** `dt __drain`: from standard input to standard output, to the end, whatever it is sent. */
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

/** What a full disk refuses is lost, as it is to a command that writes to the log itself. */
function append(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(1, bytes, at);
    } catch (error) {
      if (errnoOf(error) !== "EINTR") return;
    }
  }
}
