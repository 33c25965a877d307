/**
 * The messages on the socket of a launch's terminal, one JSON text a line. The program's output is not among them: that
 * is in the log.
 */
import type { TerminalSize } from "../../sys/terminal/leaderterminal.ts";

export const ATTACH_VERSION = 1;

export const SOCKET_SUFFIX = ".tty";

/** One per run: the name of a run that is over is never used again. */
export function socketName(token: string): string {
  return `${token}${SOCKET_SUFFIX}`;
}

export type ToHost =
  | { is: "hello"; version: number; readOnly: boolean; size: TerminalSize | null }
  /** Base64. */
  | { is: "keys"; data: string }
  | { is: "size"; size: TerminalSize }
  | { is: "redraw" }
  /** Answered when the program's terminal has taken all keys so far. */
  | { is: "sync" };

export type FromHost =
  | {
      is: "welcome";
      version: number;
      token: string;
      /** The log's size now. */
      offset: number;
      /** The sequences that bring a fresh terminal into the program's modes. */
      modes: string;
      /** The program draws on the alternate screen, which has no scrollback. */
      alternate: boolean;
    }
  | { is: "synced" }
  | { is: "refused"; why: string }
  /** The program has ended, and everything it wrote is in the log. */
  | { is: "over" };

/** Throws if it is no such message. */
export function parseToHost(message: unknown): ToHost {
  const given = message as Record<string, unknown> | null;
  switch (given?.is) {
    case "hello": {
      const { version, readOnly, size } = given;
      if (typeof version !== "number" || typeof readOnly !== "boolean") break;
      return { is: "hello", version, readOnly, size: size === null ? null : parseSize(size) };
    }
    case "keys":
      if (typeof given.data !== "string") break;
      return { is: "keys", data: given.data };
    case "size":
      return { is: "size", size: parseSize(given.size) };
    case "redraw":
    case "sync":
      return { is: given.is };
  }
  throw new Error("not a message for a terminal's host");
}

function parseSize(value: unknown): TerminalSize {
  const size = value as Partial<TerminalSize> | null;
  if (typeof size?.columns !== "number" || typeof size.rows !== "number") throw new Error("not a size");
  return { columns: size.columns, rows: size.rows };
}
