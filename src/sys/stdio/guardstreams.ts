/**
 * Guards the standard streams while code runs that is not dt's. `process.stdout` buffers what a slow pipe does not
 * take, an exit loses that, and the pipe becomes non-blocking for all processes that share it: later writers fail with
 * EAGAIN. (Bun spares the programs that it starts itself.)
 *
 * Known limit: on macOS, where `fcntl` cannot be called through Bun, a touched pipe stays non-blocking.
 */
import { libc } from "../ffi/libc.ts";

/** From <fcntl.h>, fcntl(2). */
const F_GETFL = 3;
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;

export interface StandardStreams {
  /** Waits until everything written is out, then makes the streams blocking again that were so before. */
  settle(): Promise<void>;
}

/** Call this before loading such code and its imports: Babel touches `process.stdout` when it is imported. */
export function guardStandardStreams(): StandardStreams {
  const flags = (fd: number) => (process.platform === "linux" ? libc().fcntl(fd, F_GETFL, 0) : O_NONBLOCK);
  const blocking = [0, 1, 2].filter((fd) => (flags(fd) & O_NONBLOCK) === 0);
  return {
    async settle() {
      await Promise.all([drained(process.stdout), drained(process.stderr)]);
      for (const fd of blocking) {
        const now = flags(fd);
        if (now >= 0 && (now & O_NONBLOCK) !== 0) libc().fcntl(fd, F_SETFL, now & ~O_NONBLOCK);
      }
    },
  };
}

/** Ends the stream, because Bun calls back for an empty write at once; a reader that has gone ends the wait as well. */
function drained(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    stream.on("error", () => resolve());
    stream.end(() => resolve());
  });
}
