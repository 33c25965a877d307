/**
 * The standard streams where code runs that is not dt's. `process.stdout` buffers what a slow pipe does not take, an exit loses
 * that, and it makes the pipe non-blocking for all who share it: who writes to it afterwards fails with EAGAIN. (Programs that
 * Bun starts itself are spared: it sees to that.)
 *
 * Known limit: on macOS, where `fcntl` cannot be called through Bun, a touched pipe stays non-blocking.
 */
import { libc } from "./libc.ts";

const F_GETFL = 3;
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;

export interface StandardStreams {
  /** Waits until all that was written is out, then makes the streams blocking again where they were. */
  settle(): Promise<void>;
}

/** To be called before such code, and what it imports, is loaded: Babel touches `process.stdout` at its import. */
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

/** Bun calls back for an empty write at once, so the stream is ended; a reader that has gone ends the wait as well. */
function drained(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    stream.on("error", () => resolve());
    stream.end(() => resolve());
  });
}
