/** Columns aligned by their visible width. */
const ESCAPES = /\x1b\[[0-9;]*m/g;

function widthOf(text: string): number {
  return Bun.stringWidth(text.replace(ESCAPES, ""));
}

/** Lines with two spaces between columns and none at the end. */
export function formatTable(rows: readonly (readonly string[])[]): string {
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
