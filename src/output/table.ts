/** Columns aligned by their visible width. */
const ESCAPES = /\x1b\[[0-9;]*m/g;

function widthOf(text: string): number {
  return Bun.stringWidth(text.replace(ESCAPES, ""));
}

/** A row is one line: a line's end in a cell (a command with a script in it) is shown as a mark. */
function onOneLine(cell: string): string {
  return cell.includes("\n") ? cell.replaceAll(/\s*\n\s*/g, " ⏎ ") : cell;
}

/** Lines with two spaces between columns and none at the end. */
export function formatTable(given: readonly (readonly string[])[]): string {
  const rows = given.map((row) => row.map(onOneLine));
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
