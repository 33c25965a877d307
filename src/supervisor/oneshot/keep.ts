/**
 * What is kept of a captured one-shot's output: all of it in its log, within the log's bound, and its end in memory.
 */
import { closeSync, writeSync } from "node:fs";
import { type Bound, boundLog } from "../../logs/bound.ts";
import type { OpenedLog } from "../../logs/open.ts";
import { messageOf } from "../../sys/base/error.ts";
import { LAST_LINES } from "../launch/exit.ts";

/** How much is remembered for the exit's last lines. */
const LAST_BYTES = 32 * 1024;
/** How much is written between two looks at the log's size. */
const LOOK_BYTES = 1024 * 1024;

export interface LogWriter {
  write(bytes: Uint8Array): void;
  close(): void;
}

/** `onLoss` is called at most once: nothing is written after a failure. */
export function makeLogWriter(
  { fd, file }: OpenedLog,
  { path, maxBytes, onLoss }: { path: string; maxBytes: number | null; onLoss: (reason: string) => void },
): LogWriter {
  let bound: Bound | null = maxBytes === null ? null : boundLog(path, { file, maxBytes });
  let open = true;
  let written = 0;
  return {
    write(bytes: Uint8Array): void {
      if (!open) return;
      try {
        for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
      } catch (error) {
        open = false;
        onLoss(messageOf(error));
      }
      written += bytes.length;
      if (bound === null || written < LOOK_BYTES) return;
      written = 0;
      if (!bound.check()) bound = null;
    },
    close(): void {
      bound?.check();
      bound?.close();
      closeSync(fd);
    },
  };
}

export interface OutputMemory {
  push(bytes: Uint8Array): void;
  lines(): string[];
}

/** Remembers the end of the output, whatever became of the log. */
export function makeOutputMemory(): OutputMemory {
  const memory = Buffer.alloc(2 * LAST_BYTES);
  let length = 0;
  return {
    push(bytes: Uint8Array): void {
      const piece = bytes.length > LAST_BYTES ? bytes.subarray(bytes.length - LAST_BYTES) : bytes;
      if (length + piece.length > memory.length) {
        memory.copyWithin(0, length - LAST_BYTES, length);
        length = LAST_BYTES;
      }
      memory.set(piece, length);
      length += piece.length;
    },
    lines(): string[] {
      const from = Math.max(0, length - LAST_BYTES);
      if (length === 0) return [];
      // The cut may fall within a character: drop its continuation bytes.
      const begin = from === 0 ? 0 : memory.subarray(from, length).findIndex((byte) => (byte & 0xc0) !== 0x80);
      const text = memory.toString("utf8", from + Math.max(0, begin), length);
      return text
        .replace(/\r?\n$/, "")
        .split(/\r?\n/)
        .slice(-LAST_LINES);
    },
  };
}
