/** The keys that dt looks for among those typed into a terminal. */

/**
 * ctrl-] as a terminal sends it: the byte, or kitty's and xterm's sequence for it when the program has
 * switched on other key encodings.
 */
const LEAVE = /\x1d|\x1b\[93;5(?::\d)?u|\x1b\[27;5;93~/;
const INTERRUPT = /\x03|\x1b\[99;5(?::\d)?u|\x1b\[27;5;99~/;

/** The position of ctrl-]; null when it is not among the keys. */
export function findLeaveKey(keys: Uint8Array): number | null {
  const at = Buffer.from(keys).toString("latin1").search(LEAVE);
  return at < 0 ? null : at;
}

export function hasInterrupt(keys: Uint8Array): boolean {
  return INTERRUPT.test(Buffer.from(keys).toString("latin1"));
}
