/**
 * `bun run bench [--check] [--quick] [--full-log] [--no-write] [group …]`: measures what dt costs and writes the table
 * into docs/benchmarks.md. Linux only: it reads /proc. Needs a C compiler (`cc`) for two tiny programs.
 *
 *   --check     exit 1 when a budget is exceeded (test/bench/budgets.ts)
 *   --quick     a third of the rounds, at most 20 keys
 *   --full-log  512 MiB through the log instead of 64
 *   --no-write  leave docs/benchmarks.md alone; so does naming groups: commands, keys, launches, thousand, log,
 *               reading, terminal, daemon, containers (needs root, dockerd and docker-compose)
 *
 * `bun run bench peers …` compares dt with other tools instead: test/bench/peers/run.ts.
 */
import { loadavg } from "node:os";
import { join } from "node:path";
import { REPOSITORY } from "../kit.ts";
import { measureContainers } from "./containers.ts";
import { measureDaemon } from "./daemon.ts";
import { buildPrograms, type Programs } from "./ground.ts";
import { type Effort, measureCommands, measureCrowd, measureLaunches, measureLog, measureShared } from "./measure.ts";
import { measureReading } from "./reading.ts";
import { describeRun, formatGroups, type Group, writeInto } from "./report.ts";
import { judge, type Row } from "./rows.ts";
import { measureTerminal } from "./terminal.ts";
import { measureThousand } from "./thousand.ts";

const FLAGS = ["--check", "--quick", "--full-log", "--no-write"];

const GROUPS: Record<
  string,
  { title: string; measure(programs: Programs, effort: Effort, crowds: number[]): Promise<Row[]> }
> = {
  commands: { title: "Commands", measure: measureCommands },
  launches: { title: "Start, replace, stop", measure: measureLaunches },
  keys: { title: "Many keys", measure: measureCrowds },
  thousand: { title: "A thousand commands in one project", measure: measureThousand },
  log: { title: "Log", measure: measureLog },
  reading: { title: "Reading a log", measure: measureReading },
  containers: { title: "A stack of containers", measure: measureContainers },
  daemon: { title: "The daemon", measure: measureDaemon },
  terminal: { title: "Terminals and capture", measure: measureTerminal },
};

async function measureCrowds(programs: Programs, effort: Effort, crowds: number[]): Promise<Row[]> {
  const rows: Row[] = [];
  for (const count of crowds)
    rows.push(...(await measureCrowd(programs, count, effort)), ...(await measureShared(count)));
  return rows;
}

const words = process.argv.slice(2);
if (words[0] === "peers") process.exit(await (await import("./peers/run.ts")).runPeers(words.slice(1)));
const asked = words.filter((word) => !word.startsWith("--"));
const unknown = words.find((word) => !FLAGS.includes(word) && !Object.hasOwn(GROUPS, word));
if (unknown !== undefined) {
  console.error(`bench: no "${unknown}"; there is: ${FLAGS.join(" ")} ${Object.keys(GROUPS).join(" ")}`);
  process.exit(2);
}
const quick = words.includes("--quick");
const effort: Effort = {
  rounds: quick ? 15 : 45,
  logRounds: quick ? 5 : 9,
  logBytes: (words.includes("--full-log") ? 512 : 64) * 2 ** 20,
};

const programs = buildPrograms();
const groups: Group[] = [];
try {
  for (const [name, { title, measure }] of Object.entries(GROUPS)) {
    if (asked.length > 0 && !asked.includes(name)) continue;
    console.error(`measuring ${name} …`);
    const rows = await measure(programs, effort, quick ? [1, 20] : [1, 20, 200]);
    groups.push({ title, rows, load: loadavg()[0] ?? 0 });
  }
} finally {
  process.chdir("/");
  programs.dispose();
}

const text = `${describeRun(`${effort.rounds} rounds a row, ${effort.logRounds} for the log`)}\n\n${formatGroups(groups)}`;
console.log(text);
if (asked.length === 0 && !words.includes("--no-write")) writeInto(join(REPOSITORY, "docs/benchmarks.md"), text);

const over = groups.flatMap(({ rows }) => rows).filter((row) => judge(row).is === "over");
for (const row of over) console.error(`over its aim: ${row.what}`);
if (over.length > 0 && words.includes("--check")) process.exitCode = 1;
