/** Pipes. Linux alone. */
import { ptr } from "./libc.ts";
import { posix } from "./posix.ts";

/** From <fcntl.h>, pipe(2). */
const O_CLOEXEC = 0o2000000;

/** Both ends of a new pipe, close-on-exec. */
export function makePipe(): { reading: number; writing: number } {
  const ends = new Int32Array(2);
  if (posix().pipe2(ptr(ends), O_CLOEXEC) !== 0) throw new Error("cannot make a pipe: too many open files?");
  return { reading: ends[0] as number, writing: ends[1] as number };
}
