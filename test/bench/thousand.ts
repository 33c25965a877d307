/** A project of very many commands: each verb with a quarter of them, with half, and with all. */
import { TestRoot } from "../kit.ts";
import { dtIn, must } from "./ground.ts";
import { type Row, rowOf } from "./rows.ts";
import { time } from "./spawn.ts";

const COUNTS = [250, 500, 1000];
/** What is asked of a project that runs. `up` and `down` are done once a round. */
const LOOKS = [["list"], ["ps"], ["logs", "m:c1"], ["why", "m:c1"]];
const ROUNDS = 3;
const LOOK_ROUNDS = 5;

export async function measureThousand(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const count of COUNTS) rows.push(...(await measureCount(count)));
  return rows;
}

async function measureCount(count: number): Promise<Row[]> {
  const each = Array.from({ length: count }, (_, at) => [`c${at}`, { kind: "managed", run: ["sleep", "1000000"] }]);
  const root = TestRoot.create({
    "manifests/m.json": JSON.stringify({ name: "m", commands: Object.fromEntries(each) }),
  });
  const took = new Map<string, number[]>();
  const run = (...words: string[]) => {
    const { from, to } = time(dtIn(root, ...words));
    const name = words[0] as string;
    took.set(name, [...(took.get(name) ?? []), to - from]);
  };
  try {
    await must(root, ["trust"]);
    for (let round = 0; round < ROUNDS; round++) {
      run("up", "m", "-d");
      for (let look = 0; look < LOOK_ROUNDS; look++) for (const words of LOOKS) run(...words);
      run("down");
    }
  } finally {
    await root.dispose();
  }
  return [...took].map(([name, values]) =>
    rowOf(`${name}${count}`, `\`dt ${name}\`, ${count} commands`, { values }, null),
  );
}
