/**
 * Takes system calls away from this very process, by a seccomp filter that answers with an error: a file system without
 * hard links, or without `flock`, on a machine that has none. Linux; for test workers only, since it cannot be taken
 * back.
 */
import { libc, ptr } from "../../src/sys/ffi/libc.ts";

const PR_SET_NO_NEW_PRIVS = 38;
const PR_SET_SECCOMP = 22;
const SECCOMP_MODE_FILTER = 2;
const RET_ALLOW = 0x7fff0000;
const RET_ERRNO = 0x00050000;

const NUMBERS = {
  x64: { link: [86, 265], flock: [73] },
  arm64: { link: [37], flock: [32] },
} as const;

export type Denied = "link" | "flock";

const ERRNO: Record<Denied, number> = {
  link: 1, // EPERM, what link(2) says on vfat and exfat
  flock: 95, // EOPNOTSUPP
};

export function denyCalls(names: readonly Denied[]): void {
  if (names.length === 0) return;
  const numbers = NUMBERS[process.arch as keyof typeof NUMBERS];
  const rules = names.flatMap((name) => numbers[name].map((number) => ({ number, errno: ERRNO[name] })));
  const program = [
    [0x20, 0, 0, 0], // load the number of the system call
    ...rules.flatMap(({ number, errno }) => [
      [0x15, 0, 1, number], // not this one: skip the next
      [0x06, 0, 0, RET_ERRNO | errno],
    ]),
    [0x06, 0, 0, RET_ALLOW],
  ] as [number, number, number, number][];
  const bytes = new DataView(new ArrayBuffer(program.length * 8));
  for (const [at, [code, yes, no, value]] of program.entries()) {
    bytes.setUint16(at * 8, code, true);
    bytes.setUint8(at * 8 + 2, yes);
    bytes.setUint8(at * 8 + 3, no);
    bytes.setUint32(at * 8 + 4, value, true);
  }
  const header = new BigUint64Array([BigInt(program.length), BigInt(ptr(bytes.buffer))]);
  const made =
    libc().prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) === 0 &&
    libc().prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ptr(header), 0, 0) === 0;
  if (!made) throw new Error("this machine does not let us filter system calls");
}
