/** The measurements, each a group of rows taken in turns with the compiled hello world. */
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { DT, type TestRoot } from "../kit.ts";
import { dtIn, makeCrowd, makeOthers, makeRoot, must, type Programs, readStamp } from "./ground.ts";
import { type Row, rowOf } from "./rows.ts";
import { takeTurns } from "./samples.ts";
import { begin, type Program, time } from "./spawn.ts";

export interface Effort {
  rounds: number;
  logRounds: number;
  logBytes: number;
}

/** A program that is not installed gives no row. */
function programOf(name: string, args: string[], cwd: string, env: Record<string, string>): Program | null {
  const path = Bun.which(name);
  return path === null ? null : { argv: [path, ...args], cwd, env };
}

const duration = (program: Program) => () => {
  const { from, to } = time(program);
  return to - from;
};

export async function measureCommands(programs: Programs, { rounds }: Effort): Promise<Row[]> {
  const root = await makeRoot(programs);
  try {
    const { env } = root;
    const others = makeOthers(root);
    const bun: Program = { argv: [process.execPath, "run", "true"], cwd: others, env };
    const table: Record<string, { what: string; program: Program | null }> = {
      exec: { what: "`true`, bare", program: programOf("true", [], root.dir, env) },
      hello: { what: "compiled hello world", program: { argv: [programs.hello], cwd: root.dir, env } },
      oneshot: { what: "`dt t true`, a one-shot", program: dtIn(root, "t", "true") },
      version: { what: "`dt --version`", program: dtIn(root, "--version") },
      help: { what: "`dt --help`", program: dtIn(root, "--help") },
      ps: { what: "`dt ps`, nothing runs", program: dtIn(root, "ps") },
      psJson: { what: "`dt ps --json`, nothing runs", program: dtIn(root, "ps", "--json") },
      make: { what: "`make true`", program: programOf("make", ["true"], others, env) },
      bunRun: { what: "`bun run true`", program: bun },
      npm: { what: "`npm run true`", program: programOf("npm", ["run", "true"], others, env) },
    };
    const there = Object.entries(table).flatMap(([id, { what, program }]) =>
      program === null ? [] : [{ id, what, program }],
    );
    const series = await takeTurns(rounds, Object.fromEntries(there.map(({ id, program }) => [id, duration(program)])));
    return there.map(({ id, what }) => rowOf(id, what, series[id]!, series.hello!));
  } finally {
    await root.dispose();
  }
}

/** With this many launches of `sleep`: `dt ps`, and what all of dt that runs adds to the memory in use. */
export async function measureCrowd(programs: Programs, count: number, { rounds }: Effort): Promise<Row[]> {
  const root = await makeCrowd(count);
  try {
    const memory = await hostMemory(root);
    const shown = JSON.parse(await must(root, ["ps", "--json"])) as unknown[];
    if (shown.length !== count) throw new Error(`${count} keys were started, dt ps shows ${shown.length}`);
    const { hello, ps, json } = await takeTurns(rounds, {
      hello: duration({ argv: [programs.hello], cwd: root.dir, env: root.env }),
      ps: duration(dtIn(root, "ps")),
      json: duration(dtIn(root, "ps", "--json")),
    });
    const keys = count === 1 ? "1 key" : `${count} keys`;
    const once = { unit: "MB", spread: null, ratio: null } as const;
    return [
      rowOf(`ps${count}`, `\`dt ps\`, ${keys}`, ps, hello),
      rowOf(`psJson${count}`, `\`dt ps --json\`, ${keys}`, json, hello),
      {
        id: `pss${count}`,
        what: `memory that dt adds, ${keys} started one by one (${memory.hosts} processes, PSS)`,
        median: memory.megabytes,
        ...once,
      },
    ];
  } finally {
    await must(root, ["stop", "--all"]);
    await root.dispose();
  }
}

/** The same launches, started by one `dt up`. */
export async function measureShared(count: number): Promise<Row[]> {
  const root = await makeCrowd(count, true);
  try {
    const memory = await hostMemory(root);
    const what = `the same, started by one \`dt up\`, ${count === 1 ? "1 key" : `${count} keys`}`;
    return [{ id: `pssShared${count}`, what, median: memory.megabytes, unit: "MB", spread: null, ratio: null }];
  } finally {
    await must(root, ["stop", "--all"]);
    await root.dispose();
  }
}

/** How long after its last request a host has given back what it does not need, in milliseconds. */
const IDLE_MS = 2500;

/** PSS shares what several processes map among them, so the sum is what they cost together. */
async function hostMemory(root: TestRoot): Promise<{ hosts: number; megabytes: number }> {
  await Bun.sleep(IDLE_MS);
  const hosts = root.processes().filter((pid) => readFileSync(`/proc/${pid}/cmdline`, "latin1").startsWith(DT));
  const kilobytes = hosts.map((pid) =>
    Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "latin1"))?.[1]),
  );
  return { hosts: hosts.length, megabytes: kilobytes.reduce((sum, one) => sum + one, 0) / 1024 };
}

/**
 * A launch's whole life, over and over: start, replace, stop. The program notes its own first instruction and its end.
 */
export async function measureLaunches(programs: Programs, { rounds }: Effort): Promise<Row[]> {
  const root = await makeRoot(programs);
  const file = (name: string) => join(root.base, `stamp-${name}`);
  const start = (name: string, command = "stamp") => {
    rmSync(`${file(name)}.start`, { force: true });
    const { from, to } = time(dtIn(root, "t", command, "--no-wait", "--", file(name)));
    return { first: readStamp(`${file(name)}.start`) - from, returned: to - from };
  };
  try {
    const returned: Record<"start" | "replace" | "stop", number[]> = { start: [], replace: [], stop: [] };
    const life = { there: [] as number[], replace: [] as number[], stop: [] as number[] };
    const { hello, bare, started } = await takeTurns(rounds, {
      hello: duration({ argv: [programs.hello], cwd: root.dir, env: root.env }),
      bare: () => {
        rmSync(`${file("bare")}.start`, { force: true });
        const process = begin({ argv: [programs.stamp, file("bare")], cwd: root.dir, env: root.env });
        const first = readStamp(`${file("bare")}.start`) - process.from;
        process.kill(15);
        process.wait();
        return first;
      },
      started: () => {
        const one = start("one");
        life.there.push(start("beside", "beside").first);
        time(dtIn(root, "stop", "t", "beside"));
        const two = start("two");
        const { from, to } = time(dtIn(root, "stop", "t", "stamp"));
        returned.start.push(one.returned);
        returned.replace.push(two.returned);
        returned.stop.push(to - from);
        life.replace.push(two.first);
        life.stop.push(to - readStamp(`${file("two")}.end`));
        return one.first;
      },
    });
    const measured = (values: number[]) => ({ values: values.slice(-rounds) }); // without the unmeasured first
    return [
      rowOf("bareStart", "bare start to the first instruction", bare, hello),
      rowOf("start", "`dt … --no-wait` to the command's first instruction, no host there", started, hello),
      rowOf("startThere", "the same, with the root's host there", measured(life.there), hello),
      rowOf("replace", "the same, replacing a launch of that host", measured(life.replace), hello),
      rowOf("startReturned", "start, until dt returned", measured(returned.start), hello),
      rowOf("replaceReturned", "replace, until dt returned", measured(returned.replace), hello),
      rowOf("stop", "`dt stop`, in all", measured(returned.stop), hello),
      rowOf("stopAfterEnd", "`dt stop`, from the last process's end", measured(life.stop), null),
    ];
  } finally {
    await root.dispose();
  }
}

/**
 * The writer's own time into a launch's log against its time into `>> file`, and the processor time of the host
 * meanwhile.
 */
export async function measureLog(programs: Programs, { logRounds, logBytes }: Effort): Promise<Row[]> {
  const root = await makeRoot(programs);
  const result = join(root.base, "lines-took");
  const direct = join(root.base, "direct.log");
  const hostCpu: number[] = [];
  const size = String(logBytes);
  const taken = (file: string) => {
    rmSync(result, { force: true });
    return { log: file, took: () => readStamp(result, 20), written: () => statSync(file).size };
  };
  const checked = ({ log, took, written }: ReturnType<typeof taken>) => {
    const ms = took();
    if (written() !== logBytes) throw new Error(`${written()} of ${logBytes} bytes are in ${log}`);
    rmSync(log);
    return ms;
  };
  try {
    const { file, launch } = await takeTurns(logRounds, {
      file: () => {
        const sample = taken(direct);
        const argv: Program["argv"] = [
          "/bin/sh",
          "-c",
          'exec "$1" "$2" "$3" >> "$4"',
          "sh",
          programs.lines,
          size,
          result,
          direct,
        ];
        const shell = begin({ argv, cwd: root.dir, env: root.env });
        sample.took();
        shell.wait();
        return checked(sample);
      },
      launch: async () => {
        const log = join(root.run, "t:lines:default.log");
        const sample = taken(log);
        await must(root, ["t", "lines", "--no-wait", "--", size, result]);
        const hosts = root.processes();
        const before = processorTime(hosts);
        sample.took();
        hostCpu.push(processorTime(hosts) - before);
        const ms = checked(sample);
        await must(root, ["stop", "t", "lines"]);
        return ms;
      },
    });
    const ratios = { values: launch.values.map((value, round) => value / (file.values[round] ?? Number.NaN)) };
    return [
      rowOf("logFile", `${logBytes / 2 ** 20} MiB of 100-byte lines, \`>> file\``, file, null),
      rowOf("logLaunch", `${logBytes / 2 ** 20} MiB of 100-byte lines, into a launch's log`, launch, null),
      rowOf("log", "launch's log : `>> file`", ratios, null, "x"),
      rowOf("logCpu", "processor time of dt meanwhile", { values: hostCpu.slice(-logRounds) }, null),
    ];
  } finally {
    await root.dispose();
  }
}

/** Of the dt processes among these, all threads, in milliseconds. */
function processorTime(pids: readonly number[]): number {
  let nanoseconds = 0;
  for (const pid of pids) {
    try {
      if (!readFileSync(`/proc/${pid}/cmdline`, "latin1").startsWith(DT)) continue;
      for (const task of readdirSync(`/proc/${pid}/task`)) {
        nanoseconds += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "latin1").split(" ")[0]);
      }
    } catch {
      // ended meanwhile: what it used is lost, and it was the command's end, not the data path
    }
  }
  return nanoseconds / 1e6;
}
