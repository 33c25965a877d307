/** The keys that dt itself looks for among those that are typed into a terminal. */

/** ctrl-] as a terminal sends it: the byte, or, with other key encodings switched on by the program, kitty's and xterm's sequence for it. */
const LEAVE = /\x1d|\x1b\[93;5(?::\d)?u|\x1b\[27;5;93~/;
const INTERRUPT = /\x03|\x1b\[99;5(?::\d)?u|\x1b\[27;5;99~/;

/** Where ctrl-] is; null: not here. */
export function findLeaveKey(keys: Uint8Array): number | null {
  const at = Buffer.from(keys).toString("latin1").search(LEAVE);
  return at < 0 ? null : at;
}

export function hasInterrupt(keys: Uint8Array): boolean {
  return INTERRUPT.test(Buffer.from(keys).toString("latin1"));
}
