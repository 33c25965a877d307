/** What a line of a log looks like when it is shown: with its key, its match and its cursor, or as JSON. */
import { formatCursor } from "../../logs/cursor.ts";
import { type Entry, lineText } from "../../logs/entries.ts";
import { makeStripper } from "../../logs/strip.ts";
import { makePrefix, prefixLine } from "../../output/logline.ts";
import { isTerminal } from "../../sys/stdio/stdio.ts";
import { visible } from "../../sys/text/visible.ts";
import type { DtContext } from "../context/types.ts";

/** What `dt logs --json` prints for each line. */
export interface LogLine {
  key: string;
  /** The run's lasting name. */
  run: string;
  /** Without line end and escape sequences; invalid UTF-8 is replaced. */
  line: string;
  /** The time by which it was written, to the second; null when that is not known. */
  time: string | null;
  /** For `--after`. */
  cursor: string;
}

/** A command's output keeps its colours on a terminal, and on CI where they are asked for. */
export function keepsColors({ globals, talk, colored }: DtContext): boolean {
  return globals.color ?? (talk.onCi ? colored() : isTerminal(1));
}

export function makeLineFormat(
  context: DtContext,
  { keys, single }: { keys: readonly string[]; single: boolean },
): (entry: Entry) => Uint8Array {
  if (context.globals.json) return (entry) => Buffer.from(visible(`${JSON.stringify(toJson(entry))}\n`));
  const colored = keepsColors(context);
  const prefix = makePrefix(keys, colored);
  const clean = (bytes: Uint8Array) => {
    const strip = makeStripper();
    return colored ? bytes : Buffer.concat([strip.push(bytes), strip.end()]);
  };
  let first = true;
  return ({ key, bytes, gap: leftOut }) => {
    const gap = leftOut && !first;
    first = false;
    const line = clean(bytes);
    const shown = single ? withLineEnd(line) : prefixLine(prefix(key), { line, colored });
    return gap ? Buffer.concat([Buffer.from("--\n"), shown]) : shown;
  };
}

function toJson({ key, run, bytes, time, end }: Entry): LogLine {
  return {
    key,
    run,
    line: lineText(bytes),
    time: time === null ? null : new Date(time).toISOString(),
    cursor: formatCursor({ key, run, offset: end }),
  };
}

function withLineEnd(line: Uint8Array): Uint8Array {
  return line.at(-1) === 10 ? line : Buffer.concat([line, Buffer.from("\n")]);
}
