/**
 * A leader on a terminal of its own (PTY). This process keeps the other side: what is typed goes in, and what the
 * program writes comes out, whole and in order, before its end is reported. When this process is gone, so is the
 * terminal, and the kernel hangs up the program.
 */
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
const ISIG = process.platform === "darwin" ? 0x80 : 0x1;
const SIGNAL_KEYS = [0x03, 0x1c];
/** The hang-up follows the leader's end at once. dt waits no longer than this for the last output. */
const LAST_OUTPUT_MS = 1000;
const SMALLEST = 1;
const LARGEST = 9999;

/** Throws a DtError (126, 127). The memory passed to `onOutput` is reused afterwards. */
export function spawnOnTerminal(
  execution: LeaderExecution,
  first: TerminalSize,
  onOutput: (bytes: Uint8Array) => void,
  openFiles: bigint | null,
): SpawnedLeader & { terminal: LeaderTerminal } {
  const waiting: Uint8Array[] = [];
  let pending = 0;
  let busy = false;
  let open = true;
  let size = clamp(first);
  let onTaken = () => {};
  const over = Promise.withResolvers<void>();

  const next = () => {
    const piece = waiting[0];
    if (busy || !open) return;
    if (piece === undefined) return onTaken();
    const now = piece.subarray(0, PIECE);
    if (now.length === piece.length) waiting.shift();
    else waiting[0] = piece.subarray(PIECE);
    busy = true;
    pending -= now.length;
    terminal().write(now);
  };
  const child = startLeader(execution, openFiles, {
    terminal: {
      cols: size.columns,
      rows: size.rows,
      data: (_terminal: unknown, bytes: Uint8Array) => onOutput(bytes),
      exit: () => over.resolve(),
      drain() {
        busy = false;
        next();
      },
    },
  });
  const terminal = () => child.terminal as NonNullable<typeof child.terminal>;
  const exited = child.exited.then(async (status) => {
    await Promise.race([over.promise, Bun.sleep(LAST_OUTPUT_MS)]);
    open = false;
    terminal().close();
    return status;
  });
  const resize = (wanted: TerminalSize) => {
    if (open) terminal().resize(wanted.columns, wanted.rows);
  };
  return {
    pid: child.pid,
    exited,
    terminal: {
      type(bytes) {
        if (!open || bytes.length === 0) return;
        waiting.push(bytes);
        pending += bytes.length;
        next();
      },
      pending: () => pending,
      onTaken(listener) {
        onTaken = listener;
      },
      size: () => size,
      resize(wanted) {
        size = clamp(wanted);
        resize(size);
      },
      redraw() {
        // The kernel notifies the program only of a change.
        resize({ ...size, rows: size.rows > SMALLEST ? size.rows - 1 : size.rows + 1 });
        resize(size);
      },
      isSignal: (key) => open && SIGNAL_KEYS.includes(key) && (terminal().localFlags & ISIG) !== 0,
    },
  };
}

/** Some terminals report 0 before they have a size. */
function clamp({ columns, rows }: TerminalSize): TerminalSize {
  const within = (value: number, otherwise: number) =>
    Number.isInteger(value) && value >= SMALLEST && value <= LARGEST ? value : otherwise;
  return { columns: within(columns, DEFAULT_SIZE.columns), rows: within(rows, DEFAULT_SIZE.rows) };
}

export const DEFAULT_SIZE: TerminalSize = { columns: 80, rows: 24 };
