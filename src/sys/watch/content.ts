/**
 * A mark of what a file holds, to tell whether it changed: the content decides, never the time alone. A pipe or device
 * is not read. A link that leads to no file is marked by its target.
 */
import { closeSync, constants, fstatSync, openSync, readlinkSync, readSync, type Stats } from "node:fs";
import { open } from "node:fs/promises";
import { linkStatOf, statOf } from "../base/stat.ts";

/** Size and time of a file, and the digest of its content. */
export type ContentMark = [size: number, mtimeMs: number, digest: string];

const CHUNK_BYTES = 64 * 1024;

/**
 * Null: there is no such file, or it cannot be read. Returns `before` itself when size and time are unchanged. For a
 * file of more than `mostBytes` only size and time count.
 */
export async function contentMarkOf(
  file: string,
  {
    before,
    mostBytes = Number.POSITIVE_INFINITY,
  }: { before?: ContentMark | undefined; mostBytes?: number | undefined } = {},
): Promise<ContentMark | null> {
  const stat = statOf(file);
  if (stat === undefined || !stat.isFile()) return markLink(file);
  if (before !== undefined && before[0] === stat.size && before[1] === stat.mtimeMs) return before;
  if (stat.size > mostBytes) return [stat.size, stat.mtimeMs, `${stat.size} ${stat.mtimeMs}`];
  const digest = await digestOf(file, stat.size);
  return digest === null ? null : [stat.size, stat.mtimeMs, digest];
}

/**
 * The same for a small file, synchronously. Null: there is no such file, it has more than `mostBytes`, it cannot be
 * read, or it changed meanwhile or after `before` (a time by the file system's clock), so that it is unclear which
 * content was read.
 */
export function markUntouched(
  file: string,
  { before, mostBytes }: { before: number; mostBytes: number },
): ContentMark | null {
  const mayBeOld = ({ mtimeMs, ctimeMs }: Stats) => mtimeMs < before && ctimeMs < before;
  const stat = statOf(file);
  if (stat === undefined || !stat.isFile()) return markLink(file);
  if (!mayBeOld(stat) || stat.size > mostBytes) return null;
  try {
    const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const buffer = new Uint8Array(stat.size);
      let length = 0;
      for (let count = -1; count !== 0 && length < buffer.length; length += count)
        count = readSync(fd, buffer, length, buffer.length - length, null);
      const after = fstatSync(fd);
      if (!after.isFile() || !mayBeOld(after) || after.size !== stat.size) return null;
      const digest = new Bun.CryptoHasher("sha1").update(buffer.subarray(0, length)).digest("base64url");
      return [stat.size, stat.mtimeMs, digest];
    } finally {
      closeSync(fd);
    }
  } catch {
    return null;
  }
}

function markLink(file: string): ContentMark | null {
  const stat = linkStatOf(file);
  if (stat?.isSymbolicLink() !== true) return null;
  try {
    return [stat.size, stat.mtimeMs, `-> ${readlinkSync(file)}`];
  } catch {
    return null;
  }
}

/**
 * Digests as many bytes as the file had when it was looked at: a later write changes its size or time, and a kernel
 * file may have no end. Null when it cannot be read, or is no longer a regular file.
 */
async function digestOf(file: string, size: number): Promise<string | null> {
  const hasher = new Bun.CryptoHasher("sha1");
  try {
    await using handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    if (!(await handle.stat()).isFile()) return null;
    const buffer = new Uint8Array(Math.min(size, CHUNK_BYTES));
    for (let left = size; left > 0; ) {
      const { bytesRead } = await handle.read(buffer, 0, Math.min(left, buffer.length));
      if (bytesRead === 0) break;
      hasher.update(buffer.subarray(0, bytesRead));
      left -= bytesRead;
    }
    return hasher.digest("base64url");
  } catch {
    return null;
  }
}
