/** Tables in docs/reliability.md that runs write, each between two markers of its name. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { writeWhole } from "../src/sys/files.ts";

const PAGE = join(import.meta.dir, "..", "docs", "reliability.md");

/** Replaces what stands between `<!-- name:begin -->` and `<!-- name:end -->`; `lead` is a sentence above the table. */
export function writeBetween(name: string, head: string[], rows: string[][], lead = ""): void {
  const page = readFileSync(PAGE, "utf8");
  const [begin, end] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`];
  const [before, after] = [page.indexOf(begin), page.indexOf(end)];
  if (before < 0 || after < 0) throw new Error(`${PAGE} has no place for a table (${begin} … ${end})`);
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  const table = [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
  const text = lead === "" ? table : `${lead}\n\n${table}`;
  writeWhole(PAGE, `${page.slice(0, before + begin.length)}\n\n${text}\n\n${page.slice(after)}`, { mode: 0o644 });
}
