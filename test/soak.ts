/**
 * `bun run soak`: what takes longer than CI may, and the numbers of docs/reliability.md. Each row is test files run
 * with larger figures and writes its numbers when it is done; `--only NAME` runs one, `--no-write` leaves the page as
 * it is. Wants a machine that does nothing else; more than an hour on two cores.
 */
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { readRows, writeBetween } from "./pages.ts";

const REPOSITORY = join(import.meta.dir, "..");
const PAGE = join(REPOSITORY, "docs", "reliability.md");
const LIMIT_MS = 7_200_000;

interface Row {
  name: string;
  what: string;
  bar: string;
  files: string[];
  env: Record<string, string>;
}

const ROWS: Row[] = [
  {
    name: "trees",
    what: "`dt stop` of every kind of tree (plain, background child, setsid, double fork, SIGTERM ignored, closed streams, environment cleared or overwritten, storm of 500 forks, PostgreSQL), each detached, in the foreground, with its host killed, and with its host and leader killed; 20 rounds",
    bar: "0 survivors; a process that hides after the host's death is named, exit 5",
    files: ["test/fault/tree.test.ts"],
    env: { DT_TREE_ROUNDS: "20" },
  },
  {
    name: "untouched",
    what: "a launch inside a launch, a spared server, a process with another launch's token",
    bar: "untouched",
    files: ["test/fault/untouched.test.ts"],
    env: {},
  },
  {
    name: "steps",
    what: "SIGKILL of each process of dt at each system call that changes something, during start, replace, stop and restart",
    bar: "the list is true at once; one launch after the next start",
    files: ["test/fault/steps.test.ts"],
    env: { DT_FAULT_STRIDE: "1" },
  },
  {
    name: "stacks",
    what: "SIGKILL of each process of dt and of Compose at each system call that changes something, during start, converge, stop and restart of a stack",
    bar: "every container is listed; the next stop leaves none",
    files: ["test/fault/stacksteps.test.ts"],
    env: { DT_FAULT_STRIDE: "1" },
  },
  {
    name: "watch",
    what: "20,000 random edits of a watched tree (writes, saves by rename, renames and removals of files and directories), the daemon killed every 150",
    bar: "each file is worked on with its final content, each removal is reported; memory flat",
    files: ["test/fault/watchrandom.test.ts"],
    env: { DT_WATCH_EDITS: "20000" },
  },
  {
    name: "registry",
    what: "10,000 edits of a registry of 200 codebases while the daemon watches and is killed again and again",
    bar: "every generated file matches the registry; memory flat",
    files: ["test/fault/registryedits.test.ts"],
    env: { DT_REGISTRY_EDITS: "10000", DT_REGISTRY_CODEBASES: "200" },
  },
  {
    name: "chat",
    what: "1,000 transcripts that grow at once, in pieces that end anywhere, with the monitor killed; one of 500 MB that grows by a line",
    bar: "every conversation equals a rebuild from scratch; memory flat; a new line does not reread the file",
    files: ["test/fault/chatgrowth.test.ts"],
    env: { DT_CHAT_TRANSCRIPTS: "1000", DT_CHAT_PIECES: "200", DT_CHAT_MEGABYTES: "500" },
  },
  {
    name: "instants",
    what: "SIGKILL of caller, host, stopper and restarter at random instants, 300 each",
    bar: "the list is true at once; one launch after the next start",
    files: ["test/fault/kill.test.ts"],
    env: { DT_FAULT_ROUNDS: "300" },
  },
  {
    name: "reruns",
    what: "50 starts of one key at once, 20 rounds, and 20 more with SIGKILLs of callers, hosts, leaders and children",
    bar: "exactly one live tree; each start reports a launch or says why it failed",
    files: ["test/fault/reruns.test.ts"],
    env: { DT_RERUN_ROUNDS: "20" },
  },
  {
    name: "identity",
    what: "pids that the kernel gave to other processes; another start time, boot, or pid namespace on the same directory",
    bar: "0 innocent processes signalled",
    files: ["test/fault/reuse.test.ts", "test/fault/identity.test.ts"],
    env: { DT_REUSE_ROUNDS: "100" },
  },
  {
    name: "locks",
    what: "64 contenders × 10,000 acquisitions for each way of locking, with holders and others killed",
    bar: "0 double owners, 0 lost updates",
    files: ["test/sys/lock/lock.stress.test.ts"],
    env: { DT_LOCK_CONTENDERS: "64", DT_LOCK_ROUNDS: "10000", DT_LOCK_KILL_EVERY: "800" },
  },
  {
    name: "disk",
    what: "disk full, run directory read-only, record cut off at every byte, run directory removed, clock set back",
    bar: "clear errors, nothing lost, no crash",
    files: [
      "test/fault/fulldisk.test.ts",
      "test/fault/readonly.test.ts",
      "test/fault/records.test.ts",
      "test/fault/lost.test.ts",
      "test/fault/clock.test.ts",
    ],
    env: {},
  },
  {
    name: "logs",
    what: "10 million lines through two followers of `dt logs -f`, one follower across 100 restarts",
    bar: "every byte accounted for by hash",
    files: ["test/e2e/logs/flood.test.ts"],
    env: { DT_FLOOD_LINES: "10000000", DT_FLOOD_RUNS: "100" },
  },
  {
    name: "histories",
    what: "1,000 random histories of one key (start, stop, restart, kill of host, leader or caller, reboot) against a model",
    bar: "model and `ps --json` agree after each step",
    files: ["test/fault/history.test.ts"],
    env: { DT_FAULT_HISTORIES: "1000" },
  },
];

interface Result {
  cells: string[];
  failed: number;
}

async function runRow({ what, bar, files, env }: Row): Promise<Result> {
  const began = performance.now();
  const paths = files.map((file) => `./${file}`);
  const child = Bun.spawn([process.execPath, "test", "--timeout", String(LIMIT_MS), ...paths], {
    cwd: REPOSITORY,
    env: { ...process.env, ...env },
    stdout: "pipe",
    stderr: "pipe",
  });
  const text = (await Promise.all([child.stdout.text(), child.stderr.text()])).join("\n");
  await child.exited;
  const count = (word: string) => Number(new RegExp(`^ *(\\d+) ${word}$`, "m").exec(text)?.[1] ?? 0);
  const failed = child.exitCode === 0 ? 0 : Math.max(1, count("fail"));
  if (failed > 0) console.error(text);
  const numbers = [...text.matchAll(/^numbers: (.*)$/gm)].map(([, one]) => one as string);
  const tests = `${count("pass")} passed, ${count("fail")} failed`;
  const seconds = Math.round((performance.now() - began) / 1000);
  return { cells: [what, bar, [tests, ...numbers].join("<br>"), `${seconds} s`], failed };
}

function git(...args: string[]): string {
  return Bun.spawnSync(["git", ...args], { cwd: REPOSITORY })
    .stdout.toString()
    .trim();
}

/** What a row's numbers are of. */
function origin(): string {
  const commit = `${git("rev-parse", "--short=12", "HEAD")}${git("status", "--porcelain", "src") === "" ? "" : "+"}`;
  return `${commit}, ${new Date().toISOString().slice(0, 10)}`;
}

/** Puts one row's numbers in the place of its earlier ones. */
function writeRow(row: Row, cells: string[]): void {
  const there = new Map(readRows(PAGE, "soak").map((one) => [one[0], one]));
  there.set(row.what, cells);
  const machine = `${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release().split("-")[0]}`;
  writeBetween(
    PAGE,
    "soak",
    ["What", "Bar", "Result", "Took", "Commit"],
    ROWS.flatMap(({ what }) => [there.get(what)].filter((one) => one !== undefined)),
    `Last run on ${machine}.`,
  );
}

const words = process.argv.slice(2);
const only = words.includes("--only") ? words[words.indexOf("--only") + 1] : undefined;
let ran = 0;
let failed = 0;
for (const row of ROWS.filter(({ name }) => only === undefined || name === only)) {
  console.error(`soak: ${row.name}`);
  const result = await runRow(row);
  ran++;
  failed += result.failed;
  console.error(`soak: ${row.name}: ${result.cells.slice(2).join(", ")}`);
  if (!words.includes("--no-write")) writeRow(row, [...result.cells, origin()]);
}
console.log(`${ran} rows, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
