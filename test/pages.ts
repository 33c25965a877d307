/** Tables in the docs that runs write, each between two markers of its name. */
import { readFileSync } from "node:fs";
import { writeWhole } from "../src/sys/files/filewrite.ts";

/** Replaces what stands between `<!-- name:begin -->` and `<!-- name:end -->`; `lead` is a sentence above the table. */
export function writeBetween(page: string, name: string, head: string[], rows: string[][], lead = ""): void {
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  const table = [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
  putBetween(page, { name, text: lead === "" ? table : `${lead}\n\n${table}` });
}

/** The same with any text. */
export function putBetween(page: string, { name, text }: { name: string; text: string }): void {
  const { before, after } = readAround(page, name);
  writeWhole(page, { text: `${before}\n\n${text}\n\n${after}`, mode: 0o644 });
}

/** The rows that stand there now, without head and rule. */
export function readRows(page: string, name: string): string[][] {
  const lines = readAround(page, name)
    .between.split("\n")
    .filter((line) => line.startsWith("| "));
  return lines.slice(2).map((line) => line.slice(2, -2).split(" | "));
}

function readAround(path: string, name: string): { before: string; between: string; after: string } {
  const page = readFileSync(path, "utf8");
  const [begin, end] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < 0) throw new Error(`${path} has no place for a table (${begin} … ${end})`);
  return {
    before: page.slice(0, from + begin.length),
    between: page.slice(from + begin.length, to),
    after: page.slice(to),
  };
}
