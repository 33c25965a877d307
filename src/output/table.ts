/** Columns aligned by their visible width. A row stays one line, whatever its cells contain. */
import { oneLine } from "../sys/text/visible.ts";

/** Colour marks have no width. */
const MARKS = /\x1b\[[0-9;]*m/g;

function widthOf(text: string): number {
  return Bun.stringWidth(text.replace(MARKS, ""));
}

/** Lines with two spaces between columns and none at the end. */
export function formatTable(given: readonly (readonly string[])[]): string {
  const rows = given.map((row) => row.map(oneLine));
  const widths: number[] = [];
  for (const row of rows) for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, widthOf(cell));
  return rows
    .map((row) =>
      row
        .map((cell, at) => cell + " ".repeat((widths[at] ?? 0) - widthOf(cell)))
        .join("  ")
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join("");
}
