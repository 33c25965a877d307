/**
 * Reads a file that may come from an untrusted source, with bounded memory and without blocking. A link is not followed
 * unless asked for, a pipe or device is not read, nor is a file larger than dt expects.
 */
import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { errnoOf, messageOf } from "../base/error.ts";
import type { FileRead } from "./fileread.ts";
import { readAtMost } from "./readatmost.ts";

export interface PlainOptions {
  /** In bytes; a larger file is not read at all. */
  most: number;
  /** Default false. */
  followLinks?: boolean;
}

export function readPlain(path: string, { most, followLinks = false }: PlainOptions): FileRead<string> {
  try {
    const fd = openSync(path, READ | (followLinks ? 0 : constants.O_NOFOLLOW));
    try {
      const stat = fstatSync(fd);
      if (!stat.isFile()) return { is: "unreadable", reason: "it is not a regular file" };
      const bytes = readAtMost(fd, { size: stat.size, most });
      if (bytes === null) return { is: "unreadable", reason: `it has more than ${most} bytes` };
      return { is: "there", value: bytes.toString("utf8") };
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    const code = errnoOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") return { is: "absent" };
    return { is: "unreadable", reason: code === "ELOOP" ? "it is a link" : messageOf(error) };
  }
}

/**
 * The bytes of a regular file; links are followed. Null: it is not a regular file, or has more than `most` bytes.
 * Throws the system's own error.
 */
export function readBytes(path: string, most: number): Buffer | null {
  const fd = openSync(path, READ);
  try {
    const stat = fstatSync(fd);
    return stat.isFile() ? readAtMost(fd, { size: stat.size, most }) : null;
  } finally {
    closeSync(fd);
  }
}

const READ = constants.O_RDONLY | constants.O_NONBLOCK;
