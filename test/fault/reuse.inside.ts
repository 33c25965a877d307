/**
 * Run in a pid namespace of its own, where the kernel accepts which pid comes next: starts a launch, kills it unseen,
 * gives its pids to innocent processes, and asks dt for everything that might signal them. Prints what became of the
 * innocents as JSON.
 *
 * Arguments: the binary, the manifest's root.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeSeal } from "../../src/sys/seal/seal.ts";
import { until } from "../kit.ts";

const [dt, root] = process.argv.slice(2) as [string, string];
const run = join(root, ".dialtone", "run");

export interface Innocent {
  /** Whose pid it was given. */
  as: string;
  pid: number;
  /** Its state letter at the end; null when it is gone. */
  state: string | null;
  /** Names of signals that reached it. */
  got: string[];
}

export interface Outcome {
  innocents: Innocent[];
  /** What each call said: `words: exit code`. */
  calls: string[];
  states: string[];
}

function call(...words: string[]): string {
  const result = Bun.spawnSync([dt, ...words], { cwd: root, stdin: "ignore" });
  return `${words.join(" ")}: ${result.exitCode}`;
}

function stateOf(): string {
  const result = Bun.spawnSync([dt, "ps", "--all", "--json"], { cwd: root, stdin: "ignore" });
  return JSON.parse(result.stdout.toString())[0]?.state ?? "none";
}

function stateLetter(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2)[0] ?? null;
  } catch {
    return null;
  }
}

function startTimeOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] as string;
}

/** A shell that notes each signal it gets, started with exactly this pid. */
async function innocentWith(pid: number, startTime: string, as: string): Promise<Innocent> {
  const log = join(root, `innocent.${as}`);
  const traps = ["TERM", "INT", "HUP", "CONT", "USR1", "USR2"].map((name) => `trap 'echo ${name} >> ${log}' ${name}`);
  const script = `${traps.join("; ")}; : > ${log}; while :; do sleep 0.05; done`;
  for (let tries = 0; tries < 200; tries++) {
    writeFileSync("/proc/sys/kernel/ns_last_pid", String(pid - 1));
    const child = Bun.spawn(["setsid", "sh", "-c", script], { stdio: ["ignore", "ignore", "ignore"] });
    // By force a pid can be given again within a hundredth of a second, the unit of start times; the kernel by itself
    // never does that.
    if (child.pid !== pid || startTimeOf(pid) === startTime) {
      child.kill("SIGKILL");
      await child.exited;
      continue;
    }
    await until("the innocent has set its traps", () => readdirSync(root).includes(`innocent.${as}`));
    return { as, pid, state: null, got: [] };
  }
  throw new Error(`pid ${pid} could not be had`);
}

const outcome: Outcome = { innocents: [], calls: [], states: [] };
outcome.calls.push(call("t", "dev", "-d"));
const record = JSON.parse(readFileSync(join(run, "t:dev:default.meta.json"), "utf8"));
const lock = { ...record.host, pid: record.host.pid };
for (const one of [record.host, record.leader]) process.kill(one.pid, "SIGKILL");
await until("the launch is gone", () =>
  [record.host, record.leader].every((one) => "ZX".includes(stateLetter(one.pid) ?? "X")),
);
await until("both are reaped", () => [record.host, record.leader].every((one) => stateLetter(one.pid) === null));
// A lock that the dead host holds, and a child that it had noted: their pid is reused as well.
const child = record.leader.pid + 1000;
const seal = makeSeal(run, process.env.DIALTONE_HOME as string);
function leave(path: string, value: object): void {
  writeFileSync(path, seal.close(path, value));
}
leave(join(run, "t:dev:default.lock"), {
  version: 1,
  holder: lock,
  nonce: "n",
  command: "dt t dev -d",
  doing: "start",
  since: record.startedAt,
  backend: "link",
});
leave(join(run, "launch", `${record.token}.json`), {
  version: 1,
  token: record.token,
  ready: null,
  exited: null,
  adopted: [{ ...record.leader, pid: child }],
});

for (const [as, pid, startTime] of [
  ["leader", record.leader.pid, record.leader.startTime],
  ["host", record.host.pid, record.host.startTime],
  ["child", child, record.leader.startTime],
] as const)
  outcome.innocents.push(await innocentWith(pid, startTime, as));

outcome.states.push(stateOf());
for (const words of [
  ["why", "t", "dev"],
  ["restart", "t", "dev"],
  ["stop", "t", "dev"],
  ["t", "dev", "-d"],
  ["doctor", "--fix"],
  ["stop", "--all"],
])
  outcome.calls.push(call(...words));
outcome.states.push(stateOf());

for (const innocent of outcome.innocents) {
  innocent.state = stateLetter(innocent.pid);
  innocent.got = readFileSync(join(root, `innocent.${innocent.as}`), "utf8")
    .split("\n")
    .filter(Boolean);
}
console.log(JSON.stringify(outcome));
process.exit(0); // the innocents end with the namespace
