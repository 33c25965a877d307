/** The table as Markdown, and its place in the docs. */
import { readFileSync, writeFileSync } from "node:fs";
import { arch, cpus, getPriority, release, totalmem, type } from "node:os";
import { DT, REPOSITORY } from "../kit.ts";
import { judge, type Row } from "./rows.ts";

export interface Group {
  title: string;
  rows: Row[];
  /** The machine's load average when the group was done: what else ran meanwhile, and the group itself. */
  load: number;
}

const BEGIN = "<!-- bench:begin -->";
const END = "<!-- bench:end -->";

export function formatGroups(groups: readonly Group[]): string {
  return groups
    .map(({ title, rows, load }) => `### ${title}\n\n${describeLoad(load)}\n\n${formatTable(rows)}\n`)
    .join("\n");
}

function describeLoad(load: number): string {
  const busy = load > 1.5 * cpus().length;
  return `Load average ${load.toFixed(1)}${busy ? ": the machine was busy, so the milliseconds are high and only the ratios tell" : ""}.`;
}

function formatTable(rows: readonly Row[]): string {
  const cells = rows.map((row) => {
    const verdict = judge(row);
    const aim = verdict.is === "none" ? "" : `${verdict.budget}: ${verdict.is}`;
    const spread = row.spread === null ? "" : `${amount(row.spread.p10)} – ${amount(row.spread.p90)}`;
    return [
      row.what,
      `${amount(row.median)} ${row.unit === "x" ? "×" : row.unit}`,
      spread,
      row.ratio === null ? "" : row.ratio.toFixed(2),
      aim,
    ];
  });
  const lines = [["What", "Median", "p10 – p90", "× hello", "Aim"], ["---", "---:", "---:", "---:", "---"], ...cells];
  return lines.map((line) => `| ${line.join(" | ")} |`).join("\n");
}

function amount(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** What the numbers depend on; nothing that names the machine. */
export function describeRun(effort: string): string {
  const commit = said(["git", "-C", REPOSITORY, "rev-parse", "--short=12", "HEAD"]);
  const versions = [
    said([DT, "--version"]),
    `Bun ${Bun.version}`,
    prefixed("npm", said(["npm", "--version"])),
    said(["make", "--version"]),
  ];
  return [
    `- Machine: ${describeMachine()}.`,
    `- Date: ${new Date().toISOString().slice(0, 10)}, commit ${commit}.`,
    `- Versions: ${versions.filter(Boolean).join(", ")}.`,
    `- Effort: ${effort}.`,
  ].join("\n");
}

/** Its size and systems. */
export function describeMachine(): string {
  return `${cpus().length} cores (${arch()}), ${Math.round(totalmem() / 2 ** 30)} GiB memory, ${type()} ${kernel()}, ${said(["stat", "-f", "-c", "%T", process.env.TMPDIR ?? "/tmp"])} file system${getPriority() === 0 ? "" : `, run with nice ${getPriority()}`}`;
}

/** The first line that a program prints; null where it is not installed. */
function said(argv: string[]): string | null {
  const path = Bun.which(argv[0] as string);
  if (path === null) return null;
  const { stdout } = Bun.spawnSync([path, ...argv.slice(1)], { cwd: "/" });
  return stdout.toString().split("\n")[0]?.trim() ?? null;
}

function prefixed(name: string, text: string | null | undefined): string | null {
  return text ? `${name} ${text}` : null;
}

function kernel(): string {
  return /^\d+\.\d+/.exec(release())?.[0] ?? release();
}

/** Puts the text between the page's markers. */
export function writeInto(page: string, text: string): void {
  const old = readFileSync(page, "utf8");
  const [from, to] = [old.indexOf(BEGIN), old.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`${page} lacks the markers ${BEGIN} and ${END}`);
  writeFileSync(page, `${old.slice(0, from + BEGIN.length)}\n\n${text.trim()}\n\n${old.slice(to)}`);
}
