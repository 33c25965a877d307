/** Lines of a result: each stays one line, whatever its values contain. */
import { oneLine } from "../sys/text/visible.ts";

export function formatLines(lines: readonly string[]): string {
  return lines.map((line) => `${oneLine(line)}\n`).join("");
}
