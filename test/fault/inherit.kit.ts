/**
 * What a launch inherits, read from the kernel, beside what a bare child of the same asker has. `RLIMIT_LOCKS` is left
 * out: dt marks its launches with it.
 */
import { test } from "bun:test";
import { readFileSync, readlinkSync } from "node:fs";
import { type Ps, psOf } from "../e2e/kit/launch.ts";
import { DT, type Result, TestRoot } from "../kit.ts";

export const IS_ROOT = process.getuid?.() === 0;

/** `asker`: a shell's text that runs "$@" as its child. */
export type Asker = string;

/** Who sets nothing. */
export const PLAIN: Asker = '"$@"';

/** A root with commands `t:a` to `t:h`, each a program that sleeps. */
export function sleepersRoot(more: object = {}): TestRoot {
  const sleeper = { kind: "managed", run: ["sleep", "1000"], stop: { timeout: "100ms" } };
  const commands = { ...Object.fromEntries([..."abcdefgh"].map((name) => [name, sleeper])), ...more };
  return TestRoot.create({ "manifests/t.json": JSON.stringify({ name: "t", commands }) });
}

function argvOf(asker: Asker, command: readonly string[]): string[] {
  // The shell stays the parent: it shows the soft limit of open files, and the signals that it ignores.
  return ["sh", "-c", `${asker}\nexit $?`, "sh", ...command];
}

interface Where {
  env?: Record<string, string>;
  cwd?: string;
}

/** Runs dt as the asker does. */
export async function dtAs(
  root: TestRoot,
  { asker, args, env = {}, cwd = root.dir }: Where & { asker: Asker; args: readonly string[] },
): Promise<Result> {
  const child = Bun.spawn(argvOf(asker, [DT, ...args]), {
    cwd,
    env: { ...root.env, ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  await child.exited;
  return { code: child.exitCode, signal: null, stdout, stderr };
}

/** Starts a command of the root as the asker does; the launch. Throws dt's message. */
export async function startAs(root: TestRoot, asker: Asker, name: string): Promise<Ps> {
  const { code, stderr } = await dtAs(root, { asker, args: ["t", name, "-d"] });
  if (code !== 0) throw new Error(`the start of ${name} by \`${asker}\` failed: ${stderr}`);
  return (await psOf(root, `t:${name}:default`)) as Ps;
}

export type Facts = Record<string, string>;

/** What a program has that this asker starts without dt. */
export async function bareFacts(root: TestRoot, asker: Asker): Promise<Facts> {
  const child = Bun.spawn(argvOf(asker, ["sh", "-c", "echo $$; exec sleep 1000"]), {
    cwd: root.dir,
    env: root.env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const { value } = await child.stdout.getReader().read();
  const pid = Number(new TextDecoder().decode(value));
  try {
    return factsOf(pid);
  } finally {
    process.kill(pid, "SIGKILL");
    await child.exited;
  }
}

const OF_STATUS = ["Umask", "Uid", "Gid", "Groups", "NoNewPrivs", "SigBlk", "SigIgn", "Cpus_allowed", "Seccomp"];
const CAPABILITIES = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"];
const NAMESPACES = ["cgroup", "ipc", "mnt", "net", "uts"];

export function factsOf(pid: number): Facts {
  const read = (name: string) => readFileSync(`/proc/${pid}/${name}`, "latin1");
  const [status, stat] = [read("status"), read("stat")];
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const facts: Facts = {};
  for (const name of [...OF_STATUS, ...CAPABILITIES])
    facts[name] = new RegExp(`^${name}:[ \\t]*(.*?)[ \\t]*$`, "m").exec(status)?.[1] ?? "";
  for (const line of read("limits").split("\n").slice(1))
    if (line !== "" && !line.startsWith("Max file locks")) facts[line.slice(0, 26).trim()] = line.slice(26, 67).trim();
  for (const name of NAMESPACES) facts[name] = readlinkSync(`/proc/${pid}/ns/${name}`);
  return {
    ...facts,
    nice: fields[16] as string,
    policy: fields[38] as string,
    io: Bun.spawnSync(["ionice", "-p", String(pid)])
      .stdout.toString()
      .trim(),
    oom: read("oom_score_adj").trim(),
    cgroups: read("cgroup"),
    root: readlinkSync(`/proc/${pid}/root`),
  };
}

/** The names of the facts that differ, sorted. */
export function differing(one: Facts, other: Facts): string[] {
  return Object.keys(one)
    .filter((name) => one[name] !== other[name])
    .sort();
}

/** Whether a bare program can be started so; else the test cannot be made here. */
export function canBe(asker: Asker): boolean {
  return Bun.spawnSync(argvOf(asker, ["true"]), { stdio: ["ignore", "ignore", "ignore"] }).exitCode === 0;
}

/** A test for an asker that this machine lets a test be. Where it does not, that is said once, and there is no test. */
export function testAs(name: string, { asker, run }: { asker: Asker | null; run: () => Promise<void> }): void {
  if (asker !== null && canBe(asker)) test(name, run);
  else console.warn(`${name} is not tested: this machine does not let a test have it.`);
}
