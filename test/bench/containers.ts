/**
 * What dt costs beside Compose: a stack brought up detached, by Compose alone and by dt, on an engine of the bench's
 * own.
 */
import { COMPOSE, IMAGE, noEngine, startEngine } from "../e2e/kit/docker.ts";
import { TestRoot } from "../kit.ts";
import { dtIn, type Programs } from "./ground.ts";
import type { Effort } from "./measure.ts";
import { type Row, rowOf } from "./rows.ts";
import { takeTurns } from "./samples.ts";
import { type Program, time } from "./spawn.ts";

const FILE = `version: "2.4"
services:
  a: { image: "${IMAGE}", network_mode: none, init: true, command: ["sleep", "1000"] }
  b: { image: "${IMAGE}", network_mode: none, init: true, command: ["sleep", "1000"] }
`;

export async function measureContainers(_programs: Programs, { logRounds }: Effort): Promise<Row[]> {
  const missing = noEngine();
  if (missing !== null) {
    console.error(`not measured: ${missing}`);
    return [];
  }
  const engine = await startEngine();
  const compose = { kind: "managed", compose: { file: "compose.yaml" } };
  const root = TestRoot.create({
    "compose.yaml": FILE,
    "manifests/t.json": JSON.stringify({ name: "t", commands: { dev: compose } }),
  });
  const env = { ...root.env, ...engine.env, COMPOSE_PROJECT_NAME: "bare" };
  const [program = "", ...rest] = COMPOSE.split(" ");
  const bare = (...words: string[]): Program => ({
    argv: [Bun.which(program) as string, ...rest, "-f", "compose.yaml", ...words],
    cwd: root.dir,
    env,
  });
  const dt = (...words: string[]): Program => ({ ...dtIn(root, ...words), env: { ...root.env, ...engine.env } });
  /** Milliseconds that the first took; the second clears up. */
  const took = (program: Program, after: Program): number => {
    const { from, to } = time(program);
    time(after);
    return to - from;
  };
  try {
    const { plain, ours } = await takeTurns(logRounds, {
      plain: () => took(bare("up", "-d"), bare("down")),
      ours: () => took(dt("t", "dev", "-d"), dt("stop", "t", "dev")),
    });
    const ratios = ours.values.map((value, at) => value / (plain.values[at] as number));
    return [
      rowOf("composeUp", `two containers, \`${COMPOSE} up -d\``, plain, null),
      rowOf("stackUp", "the same by `dt t dev -d`, ready", ours, null),
      rowOf("stack", "dt over Compose alone", { values: ratios }, null, "x"),
    ];
  } finally {
    await root.dt(["stop", "--all"], { env: engine.env });
    await root.dispose();
    await engine.dispose();
  }
}
