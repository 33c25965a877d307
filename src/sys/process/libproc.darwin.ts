/**
 * The calls behind the macOS process table: libproc and sysctl, buffers in, buffers out. Nothing is loaded before the
 * first call. No function here is variadic: arm64 macOS passes variadic arguments on the stack, which FFI does not
 * support.
 */
import { dlopen, FFIType, read } from "bun:ffi";
import { lazy } from "../base/lazy.ts";

const { i32, u32, u64, ptr } = FFIType;

/**
 * The full path: the library is in the shared cache of every macOS, and a bare name depends on dyld's fallback paths.
 */
const LIBRARY = "/usr/lib/libSystem.B.dylib";

/** XNU bsd/sys/errno.h */
export const EPERM = 1;
export const ESRCH = 3;

/** The ways to narrow a process list. XNU bsd/sys/proc_info.h */
export const PROC_ALL_PIDS = 1;
export const PROC_PPID_ONLY = 6;

/** sysctl needs room for processes that start between asking for the size and reading. */
const SLACK_BYTES = 4096;
const READ_ATTEMPTS = 5;

const library = lazy(
  () =>
    dlopen(LIBRARY, {
      __error: { args: [], returns: ptr },
      proc_listpids: { args: [u32, u32, ptr, i32], returns: i32 },
      proc_pidinfo: { args: [i32, i32, u64, ptr, i32], returns: i32 },
      proc_pidfdinfo: { args: [i32, i32, i32, ptr, i32], returns: i32 },
      sysctl: { args: [ptr, u32, ptr, ptr, ptr, u64], returns: i32 },
      sysctlbyname: { args: [ptr, ptr, ptr, ptr, u64], returns: i32 },
      getsid: { args: [i32], returns: i32 },
      kill: { args: [i32, i32], returns: i32 },
    }).symbols,
);

/** macOS 14.2 and later (XNU bsd/kern/proc_info.c, PROC_INFO_CALL_SIGNAL_AUDITTOKEN); null on earlier versions. */
const signalByToken = lazy(() => {
  try {
    return dlopen(LIBRARY, { proc_signal_with_audittoken: { args: [ptr, i32], returns: i32 } }).symbols
      .proc_signal_with_audittoken;
  } catch {
    return null;
  }
});

function errno(): number {
  const location = library().__error();
  return location === null ? 0 : read.i32(location, 0);
}

/**
 * Pids, including zombies and without pid 0 (the kernel). Throws when the kernel refuses the list: an empty list would
 * be a wrong answer.
 */
export function listPids(type: typeof PROC_ALL_PIDS | typeof PROC_PPID_ONLY, parent = 0): number[] {
  const { proc_listpids } = library();
  let size = proc_listpids(type, parent, null, 0);
  if (size <= 0) throw new Error(`the process list was refused (proc_listpids: errno ${errno()})`);
  for (;;) {
    size *= 2;
    const buffer = Buffer.alloc(size);
    const length = proc_listpids(type, parent, buffer, size);
    if (length >= size) continue;
    const pids = Array.from({ length: Math.max(0, length) / 4 }, (_, at) => buffer.readInt32LE(at * 4));
    return pids.filter((pid) => pid > 0);
  }
}

/** One fixed-size answer about a process, or the errno. `argument` 1 lets the bsdinfo flavours find zombies. */
export function pidInfo(pid: number, flavor: number, argument: number, size: number): Buffer | number {
  const buffer = Buffer.alloc(size);
  const { proc_pidinfo } = library();
  return proc_pidinfo(pid, flavor, argument, buffer, size) === size ? buffer : errno();
}

/** A list about a process, with entries of `entrySize` bytes, or the errno. */
export function pidInfoList(pid: number, flavor: number, entrySize: number): Buffer | number {
  const { proc_pidinfo } = library();
  // Without a buffer the answer is the table's size plus 20, so 0 here is an error. An empty list below is not.
  let size = proc_pidinfo(pid, flavor, 0, null, 0);
  if (size <= 0) return errno();
  for (;;) {
    const buffer = Buffer.alloc(size);
    const length = Math.max(0, proc_pidinfo(pid, flavor, 0, buffer, size));
    if (length < size) return buffer.subarray(0, length - (length % entrySize));
    size *= 2;
  }
}

/** One fixed-size answer about an open descriptor; null when it was closed meanwhile or is of another kind. */
export function descriptorInfo(pid: number, fd: number, flavor: number, size: number): Buffer | null {
  const buffer = Buffer.alloc(size);
  return library().proc_pidfdinfo(pid, fd, flavor, buffer, size) === size ? buffer : null;
}

type SysctlCall = (out: Buffer | null, length: BigUint64Array) => number;

/** Null when the kernel refuses. `maximum`: the largest buffer in bytes that the kernel accepts. */
function readSysctl(call: SysctlCall, maximum = Number.MAX_SAFE_INTEGER): Buffer | null {
  const length = new BigUint64Array(1);
  for (let attempt = 0; attempt < READ_ATTEMPTS; attempt++) {
    length[0] = 0n;
    if (call(null, length) !== 0) return null;
    const buffer = Buffer.alloc(Math.min(maximum, Math.ceil(Number(length[0]) * 1.25) + SLACK_BYTES));
    length[0] = BigInt(buffer.length);
    // A completely filled buffer may hold only a part.
    if (call(buffer, length) === 0 && Number(length[0]) < buffer.length) return buffer.subarray(0, Number(length[0]));
  }
  return null;
}

export function sysctl(name: number[], maximum?: number): Buffer | null {
  const mib = Int32Array.from(name);
  return readSysctl((out, length) => library().sysctl(mib, mib.length, out, length, null, 0), maximum);
}

export function sysctlByName(name: string): Buffer | null {
  const text = Buffer.from(`${name}\0`);
  return readSysctl((out, length) => library().sysctlbyname(text, out, length, null, 0));
}

/** The session id; -1, which is no session, for zombies and processes that are gone. */
export function sessionOf(pid: number): number {
  return library().getsid(pid);
}

/** kill(2): 0 or the errno. */
export function kill(pid: number, signal: number): number {
  return library().kill(pid, signal) === 0 ? 0 : errno();
}

/** Signals this pid only while it has this pid version. Returns 0 or the errno; null when the system cannot do that. */
export function killVersion(pid: number, version: number, signal: number): number | null {
  const call = signalByToken();
  if (call === null) return null;
  const token = new Uint32Array(8); // audit_token_t; the kernel reads val[5], the pid, and val[7], the pid version
  token[5] = pid;
  token[7] = version;
  return call(token, signal);
}
