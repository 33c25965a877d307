/** What is being brought up, as lines for a terminal of a given size. Turns plain data into text. */
import { oneLine } from "../sys/text/visible.ts";
import { formatDuration } from "../values/duration.ts";
import type { Paint } from "./talk.ts";

export interface ProgressRow {
  name: string;
  state: string;
  /** Whether it has yet to reach its final state. */
  open: boolean;
  failed: boolean;
  /** When it entered this state, in milliseconds of the clock behind `now`. */
  since: number;
  /** How long it took, once settled; otherwise null. */
  tookMs: number | null;
  more: string;
}

/**
 * The lines that fit: all rows, or, where those are too many, the open and failed ones and
 * a count of those that are done.
 */
export function formatProgress(
  rows: readonly ProgressRow[],
  { size, now, paint }: { size: { columns: number; rows: number }; now: number; paint: Paint },
): string[] {
  const room = Math.max(1, size.rows - 2);
  const settled = rows.filter((row) => !row.open && !row.failed).length;
  const shown = rows.length <= room ? rows : rows.filter((row) => row.open || row.failed).slice(0, room - 1);
  const width = Math.max(...rows.map((row) => row.name.length));
  const states = Math.max(...rows.map((row) => row.state.length));
  const lines = shown.map((row) => {
    const time = formatDuration(row.tookMs ?? Math.max(0, now - row.since));
    const plain = `${row.name.padEnd(width)}  ${row.state.padEnd(states)}  ${row.state === "waiting" ? "" : time}${row.more === "" ? "" : `  ${row.more}`}`;
    const cut = cutTo(oneLine(plain).trimEnd(), Math.max(1, size.columns - 1));
    return row.failed ? paint.red(cut) : row.open ? cut : paint.green(cut);
  });
  if (shown.length < rows.length)
    lines.push(paint.dim(`${settled} of ${rows.length} done`.slice(0, Math.max(1, size.columns - 1))));
  return lines;
}

/** Never cuts a character in half: the terminal filter would show a lone half as six characters. */
function cutTo(text: string, columns: number): string {
  let [end, width] = [0, 0];
  for (const char of text) {
    width += Bun.stringWidth(char);
    if (width > columns) break;
    end += char.length;
  }
  return text.slice(0, end);
}
