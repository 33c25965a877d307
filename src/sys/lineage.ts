/**
 * The lineage: a number that every descendant of a launch has from the kernel, whatever it does with its environment, its session, its
 * parent and its descriptors. It is the soft limit of file locks (`RLIMIT_LOCKS`): inherited by fork and exec, shown to everybody in
 * /proc/PID/limits, also for programs whose /proc is closed, and enforced by no Linux since 2.4.25.
 *
 * Known limits: Linux alone; where the hard limit is finite nothing is set; a program that sets this limit itself (`su`, by
 * `pam_limits`) leaves its lineage.
 */

/** Of `struct rlimit` on Linux. */
export const RLIMIT_LOCKS = 10;

/** "DT" in the upper 16 bits tells a lineage from a limit that somebody has set. */
const MARK = 0x4454n << 48n;
const MARK_MASK = 0xffffn << 48n;
/** 40 bits of the token. The lowest 8 are 0, or the number of a guest: what dt runs for a launch, beside it. */
const HEX_DIGITS = 10;
const TOKEN = /^[0-9a-f]{12}/;
const GUEST_BITS = 8n;
export const MOST_GUESTS = 255;

/** The lineage of what is started with this token; null where the token is none of dt's. */
export function lineageFor(token: string, guest = 0): bigint | null {
  return TOKEN.test(token) ? MARK | (BigInt(`0x${token.slice(0, HEX_DIGITS)}`) << GUEST_BITS) | BigInt(guest) : null;
}

/** Whether it is the lineage of this token's launch, or of a guest of it. */
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
  // Most say "unlimited".
  if (soft === "" || soft.charCodeAt(0) > 57) return null;
  const limit = BigInt(soft);
  return isLineage(limit) ? limit : null;
}
