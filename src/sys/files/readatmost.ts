/** Reading an open file whole, in bounded memory. */
import { readSync } from "node:fs";

const FIRST_READ = 16 * 1024;

/**
 * Reads to the end, whatever `size` the file reported: it may grow meanwhile, and kernel files report none, though
 * some (a link to `/proc/self/pagemap`) have no end. Null: it has more than `most` bytes.
 */
export function readAtMost(fd: number, { size, most }: { size: number; most: number }): Buffer | null {
  if (size > most) return null;
  let bytes = Buffer.allocUnsafe(Math.min(size > 0 ? size : FIRST_READ, most) + 1);
  for (let length = 0; ; ) {
    const count = readSync(fd, bytes, length, bytes.length - length, null);
    if (count === 0) return bytes.subarray(0, length);
    length += count;
    if (length > most) return null;
    if (length === bytes.length) bytes = Buffer.concat([bytes], Math.min(2 * length, most + 1));
  }
}
