/** Columns aligned by their visible width. A row stays one line, whatever its cells contain. */
import { oneLine } from "../sys/text/visible.ts";

/** Lines with two spaces between columns and none at the end. `Bun.stringWidth` counts colour marks as nothing. */
export function formatTable(given: readonly (readonly string[])[]): string {
  const rows = given.map((row) => row.map(oneLine));
  const widths: number[] = [];
  for (const row of rows)
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, Bun.stringWidth(cell));
  return rows
    .map((row) =>
      row
        .map((cell, at) => cell + " ".repeat((widths[at] ?? 0) - Bun.stringWidth(cell)))
        .join("  ")
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join("");
}
