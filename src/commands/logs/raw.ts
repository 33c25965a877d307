/**
 * `dt logs` of one key, without a condition: its bytes as they are, in chunks. Colours are kept for a terminal only.
 */
import { closeSync, readSync } from "node:fs";
import { entriesOf, lastOf } from "../../logs/entries.ts";
import { followFile } from "../../logs/follow.ts";
import type { LogTarget } from "../../logs/followkeys.ts";
import { openLogRun } from "../../logs/runs.ts";
import { makeStripper } from "../../logs/strip.ts";
import { findStart } from "../../logs/tail.ts";
import type { Piece } from "../../logs/view.ts";
import { EXIT } from "../../sys/base/error.ts";
import { isReaderGone, printBytes } from "../../sys/stdio/stdio.ts";
import type { DtContext } from "../context/types.ts";
import { abortOnSignal } from "../context/until.ts";
import { keepsColors } from "./format.ts";
import type { LogsRequest } from "./parse.ts";
import { everyOf, piecesOf } from "./pieces.ts";

const CHUNK = 256 * 1024;

export async function showRaw(
  context: DtContext,
  { target, request }: { target: LogTarget; request: LogsRequest },
): Promise<number> {
  const strip = keepsColors(context) ? null : makeStripper();
  const emit = (bytes: Uint8Array) => printBytes(strip === null ? bytes : strip.push(bytes));
  const pieces = piecesOf(context, { target, request });
  const { lines } = request;
  const open =
    pieces.length > 1 && lines !== Number.POSITIVE_INFINITY
      ? everyOf(lastOf(entriesOf({ key: target.key, pieces, lines, filter: null }), lines), ({ bytes }) => emit(bytes))
      : everyOf(pieces, (piece) => copyPiece(piece, { lines, emit }));
  const status = request.follow && open ? await followRaw(target, { pieces, emit }) : EXIT.done;
  if (strip !== null) printBytes(strip.end());
  return status;
}

/** False when the reader is gone. */
function copyPiece(
  { run, from, to }: Piece,
  { lines, emit }: { lines: number; emit: (bytes: Uint8Array) => boolean },
): boolean {
  const fd = openLogRun(run);
  if (fd === null) return true;
  const chunk = Buffer.alloc(CHUNK);
  try {
    for (let at = lines === Number.POSITIVE_INFINITY ? from : findStart(fd, { from, to, lines }); at < to; ) {
      const length = readSync(fd, chunk, 0, Math.min(CHUNK, to - at), at);
      if (length === 0) return true;
      if (!emit(chunk.subarray(0, length))) return false;
      at += length;
    }
    return true;
  } finally {
    closeSync(fd);
  }
}

async function followRaw(
  target: LogTarget,
  { pieces, emit }: { pieces: readonly Piece[]; emit: (bytes: Uint8Array) => boolean },
): Promise<number> {
  const { signal, status } = abortOnSignal();
  const from = pieces.find(({ run }) => run.age === 0)?.to ?? 0;
  await followFile({ path: target.log, from, onBytes: emit, isGone: () => isReaderGone(1), signal });
  return status();
}
