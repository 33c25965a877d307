/**
 * The lineage: a number that every descendant of a launch inherits from the kernel, whatever it does with its
 * environment, session, parent and descriptors. It is the soft limit of file locks (`RLIMIT_LOCKS`): inherited by fork
 * and exec, shown to everyone in /proc/PID/limits, even for programs whose /proc is closed, and enforced by no Linux
 * since 2.4.25.
 *
 * Known limits: Linux only. Where the hard limit is finite, nothing is set. A program that sets this limit itself
 * (`su`, by `pam_limits`) leaves its lineage.
 */

/** The resource's number on Linux: <asm-generic/resource.h>, getrlimit(2). */
export const RLIMIT_LOCKS = 10;

/** "DT" in the upper 16 bits distinguishes a lineage from a limit that a user or program has set. */
const MARK = 0x4454n << 48n;
const MARK_MASK = 0xffffn << 48n;
/**
 * 40 bits of the token. The lowest 8 bits are 0, or the number of a guest: a program that dt runs for a launch, beside
 * it.
 */
const HEX_DIGITS = 10;
const TOKEN = /^[0-9a-f]{12}/;
const GUEST_BITS = 8n;
export const MOST_GUESTS = 255;

/** The lineage of processes started with this token; null when the token is not one of dt's. */
export function lineageFor(token: string, guest = 0): bigint | null {
  return TOKEN.test(token) ? MARK | (BigInt(`0x${token.slice(0, HEX_DIGITS)}`) << GUEST_BITS) | BigInt(guest) : null;
}

/** Whether this is the lineage of the token's launch, or of one of its guests. */
export function isLineageOf(lineage: bigint | null | undefined, token: string): boolean {
  const own = lineageFor(token);
  return own !== null && typeof lineage === "bigint" && lineage >> GUEST_BITS === own >> GUEST_BITS;
}

export function isLineage(limit: bigint): boolean {
  return (limit & MARK_MASK) === MARK;
}

const NAME = "\nMax file locks";

/** The lineage in the text of /proc/PID/limits; null when there is none. */
export function readLineage(limits: string): bigint | null {
  const at = limits.indexOf(NAME);
  if (at < 0) return null;
  const soft =
    limits
      .slice(at + NAME.length, at + NAME.length + 32)
      .trim()
      .split(" ", 1)[0] ?? "";
  // Most processes have "unlimited".
  if (soft === "" || soft.charCodeAt(0) > 57) return null;
  const limit = BigInt(soft);
  return isLineage(limit) ? limit : null;
}
