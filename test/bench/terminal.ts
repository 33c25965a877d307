/** What it costs to have dt between a program and a terminal, and beside a captured one-shot. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { DT, TestRoot, until } from "../kit.ts";
import { dtIn, must, type Programs } from "./ground.ts";
import type { Effort } from "./measure.ts";
import { type Row, rowOf } from "./rows.ts";
import { takeTurns } from "./samples.ts";
import { time } from "./spawn.ts";

/** Between two keys: far longer than any of them takes. */
const PAUSE_MS = 20;

export async function measureTerminal(programs: Programs, { rounds, logRounds, logBytes }: Effort): Promise<Row[]> {
  const size = String(logBytes);
  const commands = (took: string) => ({
    keys: { kind: "managed", run: ["sh", "-c", "stty raw -echo; exec cat"], tty: true },
    lines: { kind: "oneshot", run: [programs.lines, size, took], capture: true },
  });
  const root = TestRoot.create();
  const took = join(root.base, "took");
  root.write("manifests/t.json", JSON.stringify({ name: "t", commands: commands(took) }));
  try {
    await must(root, ["t", "keys", "-d"]);
    const typed = await roundTrips(root, rounds * 4);
    await must(root, ["stop", "t", "keys"]);
    const captured = join(root.run, "t:lines:default.log");
    const copied = join(root.base, "copied.log");
    const tee = ["/bin/sh", "-c", '"$1" "$2" "$3" | tee "$4"', "sh", programs.lines, size, took, copied] as const;
    const { teed, kept } = await takeTurns(logRounds, {
      teed: () => checked({ argv: tee, cwd: root.dir, env: root.env }, copied, logBytes),
      kept: () => checked(dtIn(root, "t", "lines"), captured, logBytes),
    });
    const ratios = kept.values.map((value, at) => value / (teed.values[at] as number));
    return [
      rowOf("typed", "from a key to its echo, `dt attach`", { values: typed }, null),
      rowOf("tee", `${logBytes / 2 ** 20} MiB of 100-byte lines, \`| tee log\``, teed, null),
      rowOf("kept", `${logBytes / 2 ** 20} MiB of 100-byte lines, a captured one-shot`, kept, null),
      rowOf("capture", "the captured one-shot over `| tee`", { values: ratios }, null, "x"),
    ];
  } finally {
    await root.dispose();
  }
}

function checked(program: Parameters<typeof time>[0], log: string, bytes: number): number {
  const { from, to } = time(program);
  if (statSync(log).size !== bytes) throw new Error(`${statSync(log).size} of ${bytes} bytes are in ${log}`);
  return to - from;
}

/** Milliseconds from pressing a key to seeing it, through a program that gives back what it reads. */
async function roundTrips(root: TestRoot, count: number): Promise<number[]> {
  const took: number[] = [];
  let pressed: number | null = null;
  let text = "";
  const child = Bun.spawn([DT, "attach", "t", "keys"], {
    cwd: root.dir,
    env: { ...root.env, TERM: "xterm" },
    terminal: {
      cols: 100,
      rows: 30,
      data(_terminal, data) {
        text += Buffer.from(data).toString("latin1");
        if (pressed === null || !text.includes("~")) return;
        took.push(performance.now() - pressed);
        pressed = null;
        text = "";
      },
    },
  });
  const press = () => {
    pressed = performance.now();
    child.terminal?.write("~");
  };
  await until("it is attached", () => text.includes("ctrl-]"));
  while (took.length < count + 20) {
    press();
    await until("the key is back", () => pressed === null);
    await Bun.sleep(PAUSE_MS);
  }
  child.terminal?.write("\x1d");
  await child.exited;
  return took.slice(-count); // the first ones are of a dt that has just started
}
