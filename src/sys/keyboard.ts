/**
 * The person's terminal while it belongs to another program: keys come as they are pressed, none is a signal or echoed. Its own modes are
 * given back at the end. It is opened anew, so that nothing is changed for those who share dt's standard input.
 */
import { constants, openSync } from "node:fs";
import type { TerminalSize } from "./leaderterminal.ts";
import { ptr } from "./libc.ts";
import { posix } from "./posix.ts";
import { rawModes, readModes, writeModes } from "./pty.ts";
import { isTerminal } from "./stdio.ts";

export interface Keyboard {
  /** Takes it over; again after it was given back. */
  take(): void;
  giveBack(): void;
  close(): void;
}

const TIOCGWINSZ = 0x5413;

/** Null when standard input is no terminal, or not this session's. */
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
  // Node's raw mode still makes a carriage return of each newline, which is the program's to decide.
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

/** Null for what is no terminal. */
export function sizeOfTerminal(fd: number): TerminalSize | null {
  if (!isTerminal(fd)) return null;
  if (process.platform !== "linux") return askStty();
  const size = new Uint16Array(4);
  if (posix().ioctl(fd, TIOCGWINSZ, ptr(size)) !== 0) return null;
  const [rows, columns] = size;
  return rows && columns ? { rows, columns } : null;
}

/** `ioctl` is variadic, which has a calling convention of its own on macOS. */
function askStty(): TerminalSize | null {
  const { stdout } = Bun.spawnSync(["stty", "size"], { stdin: "inherit", stderr: "ignore" });
  const [rows, columns] = stdout.toString().trim().split(" ").map(Number);
  return rows && columns ? { rows, columns } : null;
}
