/**
 * Removes terminal escape sequences from a byte stream; it makes no difference where the stream is cut into chunks. It
 * works on bytes, so multi-byte characters, `\r` and binary junk pass unchanged, and no sequence swallows a line end.
 */
const ESC = 0x1b;
const BEL = 0x07;
const LINE_END = 0x0a;
const BACKSLASH = 0x5c;
const CSI = 0x5b;
/** OSC, DCS, SOS, PM, APC: terminated by BEL or `ESC \`. */
const STRINGS = [0x5d, 0x50, 0x58, 0x5e, 0x5f];
/** A longer sequence is not one: it is let through rather than waited for. */
const LONGEST = 4096;

export interface Stripper {
  push(bytes: Uint8Array): Uint8Array;
  /** Returns what was held back while waiting for the rest of a sequence. */
  end(): Uint8Array;
}

/** `keepColors`: lets colours and other text attributes (SGR) pass. */
export function makeStripper(keepColors = false): Stripper {
  let held: Uint8Array = new Uint8Array();
  return {
    push(bytes) {
      if (held.length === 0 && !bytes.includes(ESC)) return bytes;
      const input = held.length === 0 ? bytes : Buffer.concat([held, bytes]);
      const output = new Uint8Array(input.length);
      let length = 0;
      let at = 0;
      held = new Uint8Array();
      while (at < input.length) {
        const byte = input[at] as number;
        const end = byte === ESC ? endOfSequence(input, at) : at;
        if (end === null) {
          held = new Uint8Array(input.subarray(at)); // a copy: the caller may reuse the chunk's memory
          break;
        }
        if (end === at) output[length++] = input[at++] as number;
        else {
          if (keepColors && isRendition(input, at, end)) {
            output.set(input.subarray(at, end), length);
            length += end - at;
          }
          at = end;
        }
      }
      return output.subarray(0, length);
    },
    end() {
      const rest = held;
      held = new Uint8Array();
      return rest;
    },
  };
}

/**
 * Index after the sequence that begins at `at`; `at` itself when it is too long to be one; null when its end has not
 * arrived. ECMA-48: CSI, strings (OSC and the like), the rest. A byte that cannot belong to a sequence ends it.
 */
function endOfSequence(input: Uint8Array, at: number): number | null {
  const kind = input[at + 1];
  if (kind === undefined) return null;
  const isString = STRINGS.includes(kind);
  if (kind !== CSI && !isString && !isIntermediate(kind)) return isFinal(kind, 0x30) ? at + 2 : at + 1;
  for (let index = at + (isIntermediate(kind) ? 1 : 2); index < at + LONGEST; index++) {
    const byte = input[index];
    if (byte === undefined) return null;
    if (isString) {
      if (byte === BEL) return index + 1;
      if (byte === LINE_END) return index;
      if (byte !== ESC) continue;
      const next = input[index + 1];
      if (next === undefined) return null;
      return next === BACKSLASH ? index + 2 : index;
    }
    if (isIntermediate(byte) || (kind === CSI && byte >= 0x30 && byte <= 0x3f)) continue;
    return isFinal(byte, kind === CSI ? 0x40 : 0x30) ? index + 1 : index;
  }
  return at;
}

/** `CSI … m`, but not xterm's `CSI > … m`, which is about keys. */
function isRendition(input: Uint8Array, at: number, end: number): boolean {
  return input[at + 1] === CSI && input[end - 1] === 0x6d && (input[at + 2] as number) < 0x3c;
}

function isIntermediate(byte: number): boolean {
  return byte >= 0x20 && byte <= 0x2f;
}

function isFinal(byte: number, first: number): boolean {
  return byte >= first && byte <= 0x7e;
}
