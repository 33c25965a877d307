/**
 * The user's terminal while it belongs to another program: keys arrive as they are pressed, and none becomes a signal
 * or is echoed. The terminal's own modes are restored at the end. dt opens the terminal again, so nothing changes for
 * processes that share dt's standard input.
 */
import { constants, openSync } from "node:fs";
import { ptr } from "../ffi/libc.ts";
import { posix } from "../ffi/posix.ts";
import { isTerminal } from "../stdio/stdio.ts";
import type { TerminalSize } from "./leaderterminal.ts";
import { rawModes, readModes, writeModes } from "./pty.ts";

export interface Keyboard {
  /** Takes the terminal over. May be called again after `giveBack`. */
  take(): void;
  giveBack(): void;
  close(): void;
}

/** From <asm-generic/ioctls.h>, ioctl_tty(2). */
const TIOCGWINSZ = 0x5413;

/** Null when standard input is not a terminal, or not this session's. */
export function openKeyboard(onKeys: (bytes: Uint8Array) => void, onGone: () => void): Keyboard | null {
  if (!isTerminal(0)) return null;
  let fd: number;
  try {
    fd = openSync("/dev/tty", constants.O_RDWR | constants.O_NOCTTY);
  } catch {
    return null;
  }
  const { ReadStream } = require("node:tty") as typeof import("node:tty");
  const stream = new ReadStream(fd);
  stream.on("data", (bytes: Uint8Array) => onKeys(bytes));
  stream.on("end", onGone);
  stream.on("error", onGone);
  // Node's raw mode still adds a carriage return to each newline. Whether to do that is the program's decision.
  const modes = process.platform === "linux" ? readModes(fd) : null;
  const setRaw = (raw: boolean) => {
    if (modes === null) stream.setRawMode(raw);
    else writeModes(fd, raw ? rawModes(modes, false) : modes);
  };
  return {
    take: () => setRaw(true),
    giveBack: () => setRaw(false),
    close() {
      setRaw(false);
      stream.destroy();
    },
  };
}

/** Null when the descriptor is not a terminal. */
export function sizeOfTerminal(fd: number): TerminalSize | null {
  if (!isTerminal(fd)) return null;
  if (process.platform !== "linux") return askStty();
  const size = new Uint16Array(4);
  if (posix().ioctl(fd, TIOCGWINSZ, ptr(size)) !== 0) return null;
  const [rows, columns] = size;
  return rows && columns ? { rows, columns } : null;
}

/** `ioctl` is variadic, and variadic functions have their own calling convention on macOS. */
function askStty(): TerminalSize | null {
  const { stdout } = Bun.spawnSync(["stty", "size"], { stdin: "inherit", stderr: "ignore" });
  const [rows, columns] = stdout.toString().trim().split(" ").map(Number);
  return rows && columns ? { rows, columns } : null;
}
