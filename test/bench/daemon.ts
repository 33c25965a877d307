/**
 * What the daemon costs while nothing is asked of it, and how fast it answers: with ten launches in a root that is
 * registered.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { connectTo, daemonPid, disposeWithDaemon, socketOf } from "../e2e/kit/daemon.ts";
import { type TestRoot, until } from "../kit.ts";
import { dtIn, makeCrowd, must, type Programs } from "./ground.ts";
import type { Effort } from "./measure.ts";
import { type Row, rowOf } from "./rows.ts";
import { quantile, takeTurns } from "./samples.ts";
import { time } from "./spawn.ts";

const LAUNCHES = 10;
const IDLE_S = 60;

export async function measureDaemon(programs: Programs, { rounds }: Effort): Promise<Row[]> {
  const once = { spread: null, ratio: null };
  const root = await makeCrowd(LAUNCHES);
  try {
    const stamp = watchOneFile(root);
    for (const words of [["trust"], ["boot", "add"], ["daemon", "start"]]) await must(root, words);
    const pid = await daemonPid(root);
    const client = await connectTo(socketOf(root));
    const roundTrip = async () => {
      const from = performance.now();
      await client.ask({ cmd: "status" });
      return performance.now() - from;
    };
    const trips: number[] = [];
    for (let at = 0; at < rounds * 20; at++) trips.push(await roundTrip());
    client.close();
    const late = await measureLateness(root, { stamp, rounds: rounds * 2 });
    const env = root.env;
    const { hello, status } = await takeTurns(rounds, {
      hello: () => {
        const { from, to } = time({ argv: [programs.hello], cwd: root.dir, env });
        return to - from;
      },
      status: () => {
        const { from, to } = time(dtIn(root, "daemon", "status"));
        return to - from;
      },
    });
    const before = processorMs(pid);
    await Bun.sleep(IDLE_S * 1000);
    const idleMs = processorMs(pid) - before;
    const pss = Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "latin1"))?.[1]) / 1024;
    return [
      rowOf("daemonAsked", "a status request and its reply, on a connection that is open", { values: trips }, null),
      rowOf(
        "watchLate",
        `from an edit to its job's first instruction, over the debounce of ${DEBOUNCE_MS} ms`,
        { values: late },
        null,
      ),
      {
        id: "watchLate99",
        what: "the same, 99th percentile",
        median: quantile({ values: late }, 0.99),
        unit: "ms",
        ...once,
      },
      rowOf("daemonStatus", "`dt daemon status`", status, hello),
      {
        id: "daemonIdle",
        what: `processor time of the idle daemon in ${IDLE_S} s, ${LAUNCHES} launches`,
        median: idleMs,
        unit: "ms",
        ...once,
      },
      {
        id: "daemonPss",
        what: "memory of the idle daemon (PSS, the binary's pages shared with ten hosts)",
        median: pss,
        unit: "MB",
        ...once,
      },
    ];
  } finally {
    await disposeWithDaemon(root);
  }
}

const DEBOUNCE_MS = 100;
/** Edits in step with the jobs look like a job that changes what it is run for (jobs/loops.ts). */
const APART_MS = 250;

/** A job runs when the file changes, and notes in the returned file when it began. */
function watchOneFile(root: TestRoot): string {
  const stamp = join(root.base, "stamped");
  root.write(
    "manifests/w.json",
    JSON.stringify({
      name: "w",
      commands: { job: { kind: "oneshot", run: `date +%s%N >> ${stamp}` } },
      watch: [{ paths: ["watched"], debounce: `${DEBOUNCE_MS}ms`, run: "w:job" }],
    }),
  );
  root.write("watched/a", "0");
  return stamp;
}

/** How much later the job begins than the edit and the quiet time after it. */
async function measureLateness(
  root: TestRoot,
  { stamp, rounds }: { stamp: string; rounds: number },
): Promise<number[]> {
  const log = join(root.env.DIALTONE_HOME as string, "logs/daemon.log");
  await until("it is watched", () => readFileSync(log, "utf8").includes('"watches"'));
  const late: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const edited = performance.timeOrigin + performance.now();
    root.write("watched/a", String(round + 1));
    const lines = await until("the job has begun", () => {
      const all = existsSync(stamp) ? readFileSync(stamp, "utf8").trim().split("\n") : [];
      return all.length > round ? all : null;
    });
    late.push(Number(lines[round]) / 1e6 - edited - DEBOUNCE_MS);
    await Bun.sleep(APART_MS);
  }
  return late;
}

/**
 * Milliseconds in the processor, of all its threads and of those that have ended; the kernel tells hundredths of a
 * second.
 */
function processorMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
