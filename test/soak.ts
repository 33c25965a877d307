/**
 * `bun run soak`: what takes longer than CI may, and the numbers of docs/reliability.md. Each row is a test file run with larger
 * figures; `--only NAME` runs one, `--no-write` leaves the page as it is.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { writeWhole } from "../src/sys/files.ts";

const REPOSITORY = join(import.meta.dir, "..");
const PAGE = join(REPOSITORY, "docs", "reliability.md");
const [BEGIN, END] = ["<!-- soak:begin -->", "<!-- soak:end -->"];

interface Row {
  name: string;
  what: string;
  file: string;
  env: Record<string, string>;
}

const ROWS: Row[] = [
  {
    name: "trees",
    what: "stop of every kind of tree, detached, in the foreground, its host killed; 20 rounds",
    file: "test/e2e/tree.test.ts",
    env: { DT_TREE_ROUNDS: "20" },
  },
  {
    name: "instants",
    what: "SIGKILL of caller, host, stopper, restarter at random instants, 300 each; reruns at once with hosts killed",
    file: "test/fault/kill.test.ts",
    env: { DT_FAULT_ROUNDS: "300" },
  },
  {
    name: "steps",
    what: "SIGKILL of every dt process at each system call that changes something",
    file: "test/fault/steps.test.ts",
    env: { DT_FAULT_STRIDE: "1" },
  },
  {
    name: "histories",
    what: "random histories of one key against a model, 1,000",
    file: "test/fault/history.test.ts",
    env: { DT_FAULT_HISTORIES: "1000" },
  },
  {
    name: "identity",
    what: "pid reuse, other boot, other pid namespace",
    file: "test/fault/identity.test.ts",
    env: {},
  },
  {
    name: "locks",
    what: "64 contenders, 10,000 acquisitions for each way of locking, holders killed",
    file: "test/sys/lock.stress.test.ts",
    env: { DT_LOCK_CONTENDERS: "64", DT_LOCK_ROUNDS: "157" },
  },
];

const words = process.argv.slice(2);
const only = words.includes("--only") ? words[words.indexOf("--only") + 1] : undefined;
const results: string[][] = [];
let failed = 0;
for (const row of ROWS.filter(({ name }) => only === undefined || name === only)) {
  const began = performance.now();
  console.error(`soak: ${row.name}: ${row.what}`);
  const child = Bun.spawn([process.execPath, "test", "--timeout", "7200000", `./${row.file}`], {
    cwd: REPOSITORY,
    env: { ...process.env, ...row.env },
    stdout: "pipe",
    stderr: "pipe",
  });
  const text = (await Promise.all([child.stdout.text(), child.stderr.text()])).join("\n");
  await child.exited;
  const count = (what: string) => Number(new RegExp(`^ *(\\d+) ${what}$`, "m").exec(text)?.[1] ?? 0);
  const told = [...text.matchAll(/^(?:lock, .*|\w+: killed at \d+ steps)$/gm)].map(([line]) => line);
  failed += child.exitCode === 0 ? 0 : Math.max(1, count("fail"));
  if (child.exitCode !== 0) console.error(text);
  const seconds = Math.round((performance.now() - began) / 1000);
  results.push([row.what, `${count("pass")} passed, ${count("fail")} failed`, told.join("; ") || "-", `${seconds} s`]);
  console.error(`soak: ${row.name}: ${results.at(-1)?.[1]} in ${seconds} s`);
}

if (!words.includes("--no-write") && only === undefined) {
  const head = ["what", "tests", "numbers", "took"];
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  const table = [line(head), line(head.map(() => "---")), ...results.map(line)].join("\n");
  const page = readFileSync(PAGE, "utf8");
  const [before, after] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (before < 0 || after < 0) throw new Error(`${PAGE} has no place for the numbers (${BEGIN} … ${END})`);
  writeWhole(PAGE, `${page.slice(0, before + BEGIN.length)}\n\n${table}\n\n${page.slice(after)}`, { mode: 0o644 });
}
console.log(`${results.length} rows, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
