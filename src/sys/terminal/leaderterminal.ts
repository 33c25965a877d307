/**
 * A leader on a terminal of its own (PTY). This process keeps the other side: what is typed goes in, and what the
 * program writes comes out, whole and in order, before its end is reported. When this process is gone, so is the
 * terminal, and the kernel hangs up the program.
 */
import type { Inherited } from "../inherit/inherited.ts";
import { type LeaderExecution, type SpawnedLeader, startLeader } from "../spawn/spawn.ts";

export interface TerminalSize {
  columns: number;
  rows: number;
}

export interface LeaderTerminal {
  /** Passes keys on in the order given. Nothing is lost while the program is slow to read. */
  type(bytes: Uint8Array): void;
  /** Bytes given that the terminal has not taken yet. */
  pending(): number;
  /** Sets the listener that is called when nothing is pending any longer. */
  onTaken(listener: () => void): void;
  size(): TerminalSize;
  /** Changes the size; the kernel notifies the program (SIGWINCH). */
  resize(size: TerminalSize): void;
  /** Makes the program redraw itself, as after a change of size. */
  redraw(): void;
  /** Whether the terminal would now turn the key into a signal, as with Ctrl-C. */
  isSignal(key: number): boolean;
}

/** Larger writes do not always report that they were taken (Bun 1.4). */
const PIECE = 4095;
/** From <termios.h>, termios(3); XNU bsd/sys/termios.h. */
const ISIG = process.platform === "darwin" ? 0x80 : 0x1;
/** Ctrl-C and Ctrl-\. */
const SIGNAL_KEYS = [0x03, 0x1c];
/** The hang-up follows the leader's end at once. dt waits no longer than this for the last output. */
const LAST_OUTPUT_MS = 1000;
const SMALLEST = 1;
const LARGEST = 9999;

/** This process's side of the terminal. */
interface Side {
  /** Given, but not with the terminal yet, in order. */
  readonly waiting: Uint8Array[];
  /** The bytes of these. */
  pending: number;
  /** Whether the terminal has yet to report that it took what was written. */
  busy: boolean;
  open: boolean;
  size: TerminalSize;
  onTaken(): void;
  /** Null until the leader is started. */
  terminal: NonNullable<ReturnType<typeof startLeader>["terminal"]> | null;
}

export interface TerminalStart {
  size: TerminalSize;
  onOutput: (bytes: Uint8Array) => void;
  openFiles: bigint | null;
  inherits?: Inherited | undefined;
}

/** Throws a DtError (126, 127). The memory passed to `onOutput` is reused afterwards. */
export function spawnOnTerminal(
  execution: LeaderExecution,
  { size: asked, onOutput, openFiles, inherits }: TerminalStart,
): SpawnedLeader & { terminal: LeaderTerminal } {
  const size = clamp(asked);
  const side: Side = { waiting: [], pending: 0, busy: false, open: true, size, onTaken: () => {}, terminal: null };
  const over = Promise.withResolvers<void>();
  const child = startLeader(execution, {
    openFiles,
    inherits,
    terminal: {
      cols: size.columns,
      rows: size.rows,
      data: (_terminal: unknown, bytes: Uint8Array) => onOutput(bytes),
      exit: () => over.resolve(),
      drain() {
        side.busy = false;
        writeNext(side);
      },
    },
  });
  side.terminal = child.terminal ?? null;
  const exited = child.exited.then(async (status) => {
    await Promise.race([over.promise, Bun.sleep(LAST_OUTPUT_MS)]);
    side.open = false;
    side.terminal?.close();
    return status;
  });
  return { pid: child.pid, exited, terminal: terminalOf(side) };
}

function terminalOf(side: Side): LeaderTerminal {
  return {
    type(bytes) {
      if (!side.open || bytes.length === 0) return;
      side.waiting.push(bytes);
      side.pending += bytes.length;
      writeNext(side);
    },
    pending: () => side.pending,
    onTaken(listener) {
      side.onTaken = listener;
    },
    size: () => side.size,
    resize(wanted) {
      side.size = clamp(wanted);
      setSize(side, side.size);
    },
    redraw() {
      const { columns, rows } = side.size;
      // The kernel notifies the program only of a change.
      setSize(side, { columns, rows: rows > SMALLEST ? rows - 1 : rows + 1 });
      setSize(side, side.size);
    },
    isSignal: (key) => side.open && SIGNAL_KEYS.includes(key) && ((side.terminal?.localFlags ?? 0) & ISIG) !== 0,
  };
}

function writeNext(side: Side): void {
  const piece = side.waiting[0];
  if (side.busy || !side.open) return;
  if (piece === undefined) {
    side.onTaken();
    return;
  }
  const now = piece.subarray(0, PIECE);
  if (now.length === piece.length) side.waiting.shift();
  else side.waiting[0] = piece.subarray(PIECE);
  side.busy = true;
  side.pending -= now.length;
  side.terminal?.write(now);
}

function setSize({ open, terminal }: Side, { columns, rows }: TerminalSize): void {
  if (open) terminal?.resize(columns, rows);
}

/** Some terminals report 0 before they have a size. */
function clamp({ columns, rows }: TerminalSize): TerminalSize {
  const within = (value: number, otherwise: number) =>
    Number.isInteger(value) && value >= SMALLEST && value <= LARGEST ? value : otherwise;
  return { columns: within(columns, DEFAULT_SIZE.columns), rows: within(rows, DEFAULT_SIZE.rows) };
}

export const DEFAULT_SIZE: TerminalSize = { columns: 80, rows: 24 };
