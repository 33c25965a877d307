/** Which files a process writes, and which directories it holds: what /proc shows of its descriptors. */
import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { errnoOf } from "../base/error.ts";
import { libc } from "../ffi/libc.ts";
import type { FileIdentity } from "./identity.ts";
import { threadPlacesOf } from "./proc.linux.ts";

/** From <linux/kcmp.h>. */
const KCMP_FILE = 0;
/** From <asm/unistd.h>: one number on x64, another on arm64 and everything newer. */
const SYS_KCMP = process.arch === "x64" ? 312 : 272;
/** From <fcntl.h>: the bits that say how a file was opened. O_RDONLY is 0. */
const O_ACCMODE = 0o3;

export function isWriting(pid: number, file: FileIdentity): boolean | undefined {
  const fds = writingDescriptors(pid, { file, most: 1 });
  return fds === undefined ? undefined : fds.length > 0;
}

/** The descriptors by which the process writes the file, at most `most`; undefined when they cannot be seen. */
function writingDescriptors(
  pid: number,
  { file, most = Number.POSITIVE_INFINITY }: { file: FileIdentity; most?: number | undefined },
): number[] | undefined {
  for (const place of threadPlacesOf(pid)) {
    let fds: number[];
    try {
      fds = readdirSync(`${place}/fd`).map(Number);
    } catch (error) {
      return errnoOf(error) === "ENOENT" ? [] : undefined;
    }
    // None at all: a main thread that has ended, or a process that closed them all.
    if (fds.length === 0) continue;
    const found: number[] = [];
    for (const fd of fds) {
      if (isWritingThrough(place, { fd, file })) found.push(fd);
      if (found.length >= most) break;
    }
    return found;
  }
  return [];
}

export function shareDescription(file: FileIdentity, [pid, other]: readonly [number, number]): boolean | undefined {
  const [fds, others] = [writingDescriptors(pid, { file }), writingDescriptors(other, { file })];
  if (fds === undefined || others === undefined) return undefined;
  let seen: boolean | undefined = false;
  for (const fd of fds) {
    for (const otherFd of others) {
      // 0: the same; negative: not permitted, or a kernel without it.
      const order = Number(libc().syscall(SYS_KCMP, pid, other, KCMP_FILE, fd, otherFd));
      if (order === 0) return true;
      if (order < 0) seen = undefined;
    }
  }
  return seen;
}

function isWritingThrough(place: string, { fd, file }: { fd: number; file: FileIdentity }): boolean {
  try {
    const stat = statSync(`${place}/fd/${fd}`);
    if (stat.ino !== file.ino || stat.dev !== file.dev) return false;
    const flags = /^flags:\s*(\d+)/m.exec(readFileSync(`${place}/fdinfo/${fd}`, "latin1"))?.[1] ?? "0";
    return (Number.parseInt(flags, 8) & O_ACCMODE) !== 0;
  } catch {
    return false;
  }
}

export function directoriesOf(pid: number): string[] {
  const held = (name: string): string[] => {
    try {
      const path = readlinkSync(`/proc/${pid}/${name}`);
      return statSync(path).isDirectory() ? [path] : [];
    } catch {
      return []; // not a directory, or "… (deleted)"
    }
  };
  try {
    return [...held("cwd"), ...readdirSync(`/proc/${pid}/fd`).flatMap((fd) => held(`fd/${fd}`))];
  } catch {
    return []; // gone, or another user's
  }
}
