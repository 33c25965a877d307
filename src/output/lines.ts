/** Lines of a result: each is one line, whatever the values in it hold. */
import { oneLine } from "../sys/visible.ts";

export function formatLines(lines: readonly string[]): string {
  return lines.map((line) => `${oneLine(line)}\n`).join("");
}
