/**
 * Tracks what a program has switched on in its terminal: the alternate screen, a hidden cursor, the mouse, other key
 * encodings. A terminal that joins later needs the same; one that leaves must be left usable. It makes no difference
 * where the stream is cut into chunks.
 *
 * Known: DEC private modes (`CSI ? n h`), the keypad (`ESC =`), key encodings of kitty (`CSI > n u`) and xterm
 * (`CSI > 4 ; n m`), the cursor's shape (`CSI n SP q`), the reset (`ESC c`).
 */
export interface ScreenModes {
  feed(bytes: Uint8Array): void;
  /** Brings a fresh terminal into the same modes. */
  set(): string;
  /** Brings a terminal in these modes back to those of a fresh one. */
  undo(): string;
  /** Whether the program draws on the alternate screen, which has no scrollback. */
  alternate(): boolean;
}

/** On in a fresh terminal: keys repeat, long lines wrap, the cursor is visible. */
const ON_AT_FIRST = new Set([7, 8, 25]);
const ALTERNATE = [47, 1047, 1049];
/** The column switch clears the screen, and synchronised output ends by itself: neither is state to restore. */
const NOT_KEPT = new Set([3, 2026]);
/** More modes than any program switches; bounds what a stream of junk can switch. */
const MOST = 64;
/** A longer sequence is not one that is tracked. */
const LONGEST = 64;

const SEQUENCE = /\x1b(?:\[\?([\d;]*)([hl])|([=>c])|\[([>=<])(\d*)(?:;\d*)?u|\[>4;?(\d*)m|\[(\d*) q)/g;
const BEGUN = /\x1b(?:\[[?>=<]?[\d;]* ?)?$/;

export function makeModes(): ScreenModes {
  const changed = new Map<number, boolean>();
  let keypad = false;
  let kitty: string[] = [];
  let otherKeys = "";
  let shape = "";
  let held = "";

  const switchMode = (mode: number, on: boolean) => {
    if (NOT_KEPT.has(mode)) return;
    changed.delete(mode);
    if (on !== ON_AT_FIRST.has(mode) && changed.size < MOST) changed.set(mode, on);
  };
  const reset = () => {
    changed.clear();
    keypad = false;
    kitty = [];
    otherKeys = "";
    shape = "";
  };
  const setKitty = (how: string, flags: string) => {
    if (how === "<") kitty = kitty.slice(0, -Math.max(1, Number(flags || 1)));
    else if (how === ">" && kitty.length < MOST) kitty.push(flags || "0");
    else if (how === "=") kitty = [...kitty.slice(0, -1), flags || "0"];
  };

  return {
    feed(bytes) {
      if (held === "" && !bytes.includes(0x1b)) return;
      const text = held + Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
      for (const [, modes, onOff, single, how, flags, other, cursor] of text.matchAll(SEQUENCE)) {
        if (modes !== undefined) for (const one of modes.split(";")) switchMode(Number(one), onOff === "h");
        else if (single === "c") reset();
        else if (single !== undefined) keypad = single === "=";
        else if (how !== undefined) setKitty(how, flags ?? "");
        else if (other !== undefined) otherKeys = other === "0" ? "" : other;
        else shape = cursor === "0" ? "" : (cursor ?? "");
      }
      held = BEGUN.exec(text.slice(-LONGEST))?.[0] ?? "";
    },
    set() {
      // The alternate screen first: the modes that follow belong to it.
      const modes = [...changed].sort(([a], [b]) => Number(ALTERNATE.includes(b)) - Number(ALTERNATE.includes(a)));
      return [
        ...modes.map(([mode, on]) => `\x1b[?${mode}${on ? "h" : "l"}`),
        keypad ? "\x1b=" : "",
        ...kitty.map((flags) => `\x1b[>${flags}u`),
        otherKeys === "" ? "" : `\x1b[>4;${otherKeys}m`,
        shape === "" ? "" : `\x1b[${shape} q`,
      ].join("");
    },
    undo() {
      const modes = [...changed].sort(([a], [b]) => Number(ALTERNATE.includes(a)) - Number(ALTERNATE.includes(b)));
      return [
        kitty.length === 0 ? "" : `\x1b[<${kitty.length}u`,
        otherKeys === "" ? "" : "\x1b[>4m",
        keypad ? "\x1b>" : "",
        shape === "" ? "" : "\x1b[0 q",
        ...modes.map(([mode, on]) => `\x1b[?${mode}${on ? "l" : "h"}`),
        "\x1b[m",
      ].join("");
    },
    alternate: () => ALTERNATE.some((mode) => changed.get(mode) === true),
  };
}
