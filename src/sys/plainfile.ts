/**
 * Reading a file that a stranger may have put there: it costs bounded memory and no waiting. A link is not followed unless asked for, a pipe or a
 * device is not read, and neither is more than dt expects of such a file.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { errnoOf, messageOf } from "./error.ts";
import type { FileRead } from "./files.ts";

export interface PlainOptions {
  /** More bytes than this are not read at all. */
  most: number;
  /** Default false. */
  followLinks?: boolean;
}

export function readPlain(path: string, { most, followLinks = false }: PlainOptions): FileRead<string> {
  const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = constants;
  let fd: number;
  try {
    fd = openSync(path, O_RDONLY | O_NONBLOCK | (followLinks ? 0 : O_NOFOLLOW));
  } catch (error) {
    const code = errnoOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") return { is: "absent" };
    return { is: "unreadable", reason: code === "ELOOP" ? "it is a link" : messageOf(error) };
  }
  try {
    if (!fstatSync(fd).isFile()) return { is: "unreadable", reason: "it is no regular file" };
    // Read and not asked for its size: it may grow meanwhile, and files of the kernel have none.
    const bytes = Buffer.alloc(most + 1);
    let length = 0;
    for (let count = 1; count > 0 && length <= most; length += count)
      count = readSync(fd, bytes, length, bytes.length - length, null);
    if (length > most) return { is: "unreadable", reason: `it has more than ${most} bytes` };
    return { is: "there", value: bytes.toString("utf8", 0, length) };
  } catch (error) {
    return { is: "unreadable", reason: messageOf(error) };
  } finally {
    closeSync(fd);
  }
}
