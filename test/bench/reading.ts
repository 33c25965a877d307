/** What reading a log costs: how late a line is on the terminal, and the last lines of a huge file. */
import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { DT, TestRoot, until } from "../kit.ts";
import { dtIn, must, type Programs } from "./ground.ts";
import type { Effort } from "./measure.ts";
import { type Row, rowOf } from "./rows.ts";
import { takeTurns } from "./samples.ts";
import { time } from "./spawn.ts";

const GIB = 2 ** 30;
/** Between two lines: far longer than any of them takes. */
const PAUSE_MS = 20;

/** Says when it writes, by a clock that the reader reads as well: exact to far less than a millisecond. */
const CLOCK = `
const line = () => console.log("at " + (performance.timeOrigin + performance.now()) + " end");
setInterval(line, ${PAUSE_MS});
`;

export async function measureReading(programs: Programs, { rounds }: Effort): Promise<Row[]> {
  const root = TestRoot.create({
    "clock.ts": CLOCK,
    "manifests/t.ts": `export default { name: "t", commands: {
      clock: { kind: "managed", run: ["bun", "clock.ts"] },
      big: { kind: "managed", run: ["true"] },
    } };\n`,
  });
  try {
    const foreground = await lateness(root, ["t", "clock"], rounds * 4);
    await must(root, ["t", "clock", "-d"]);
    const follower = await lateness(root, ["logs", "t", "clock", "-f"], rounds * 4);
    await must(root, ["stop", "t", "clock"]);
    await must(root, ["t", "big"]);
    makeHuge(join(root.run, "t:big:default.log"));
    const huge = dtIn(root, "logs", "t", "big");
    const { hello, tail } = await takeTurns(rounds, {
      hello: () => span({ argv: [programs.hello], cwd: root.dir, env: root.env }),
      tail: () => span(huge),
    });
    return [
      rowOf("foreground", "from a command's write to the terminal, in the foreground", { values: foreground }, null),
      rowOf("follow", "from a command's write to the terminal, `dt logs -f`", { values: follower }, null),
      rowOf("tail", "`dt logs`, the last 100 lines of 10 GiB", tail, hello),
    ];
  } finally {
    await root.dispose();
  }
}

function span(program: Parameters<typeof time>[0]): number {
  const { from, to } = time(program);
  return to - from;
}

/** How late each line comes out of a terminal, in milliseconds. */
async function lateness(root: TestRoot, args: string[], count: number): Promise<number[]> {
  const late: number[] = [];
  let text = "";
  const child = Bun.spawn([DT, ...args], {
    cwd: root.dir,
    env: { ...root.env, TERM: "xterm" },
    terminal: {
      cols: 100,
      rows: 30,
      data(_terminal, data) {
        const arrived = performance.timeOrigin + performance.now();
        text += Buffer.from(data).toString("latin1");
        for (const [, at] of text.matchAll(/at ([\d.]+) end/g)) late.push(arrived - Number(at));
        text = text.slice(text.lastIndexOf("end") + 3);
      },
    },
  });
  await until("enough lines have come", () => late.length > count + 20, 120_000);
  child.kill("SIGINT");
  await child.exited;
  return late.slice(-count); // the first ones were there before the reader
}

/**
 * Ten GiB as they are after a long time: data at both ends, so that nothing is skipped as released; what is between is
 * never read.
 */
function makeHuge(path: string): void {
  const fd = openSync(path, "w");
  const line = `${"x".repeat(99)}\n`;
  writeSync(fd, line.repeat(1000));
  ftruncateSync(fd, 10 * GIB);
  writeSync(fd, line.repeat(100_000), 10 * GIB);
  closeSync(fd);
}
