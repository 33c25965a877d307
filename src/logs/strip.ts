/**
 * Takes terminal escape sequences out of a byte stream, also one that is cut by a chunk's end. Everything else passes as it is:
 * it works on bytes, so characters of several bytes, `\r` and binary junk are not touched.
 */
const ESC = 0x1b;
/** A sequence longer than this is none: it is let through rather than waited for. */
const LONGEST = 4096;

export interface Stripper {
  push(bytes: Uint8Array): Uint8Array;
  /** What was held back waiting for the rest of a sequence. */
  end(): Uint8Array;
}

export function makeStripper(): Stripper {
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
        if (byte !== ESC) {
          output[length++] = byte;
          at++;
          continue;
        }
        const end = endOfSequence(input, at);
        if (end === null) {
          if (input.length - at <= LONGEST) {
            held = input.slice(at);
            break;
          }
          output[length++] = byte;
          at++;
        } else at = end;
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

/** Index after the sequence that begins at `at`; null when its end is not there yet. ECMA-48: CSI, OSC and the like, two-byte ones. */
function endOfSequence(input: Uint8Array, at: number): number | null {
  const kind = input[at + 1];
  if (kind === undefined) return null;
  if (kind === 0x5b) {
    for (let index = at + 2; index < input.length; index++) {
      const byte = input[index] as number;
      if (byte >= 0x40 && byte <= 0x7e) return index + 1;
      if (byte < 0x20 || byte > 0x3f) return index; // not a sequence after all: drop what it claimed to be
    }
    return null;
  }
  if ([0x5d, 0x50, 0x58, 0x5e, 0x5f].includes(kind)) {
    for (let index = at + 2; index < input.length; index++) {
      if (input[index] === 0x07) return index + 1;
      if (input[index] === ESC) return input[index + 1] === undefined ? null : index + 2;
    }
    return null;
  }
  if (kind >= 0x20 && kind <= 0x2f) return input[at + 2] === undefined ? null : at + 3;
  return at + 2;
}
