/** What the measurements stand on: programs built within the run, and project roots of their own. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeTemporary } from "../kit/temporary.ts";
import { DT, TestRoot } from "../kit.ts";
import { now, type Program } from "./spawn.ts";

export interface Programs {
  directory: string;
  /**
   * Prints a line: `bun build --compile --bytecode --minify --format=esm`, the least that any program made this way
   * costs.
   */
  hello: string;
  stamp: string;
  lines: string;
  family: string;
  dispose(): void;
}

export function buildPrograms(): Programs {
  const directory = makeTemporary("bench");
  const hello = join(directory, "hello");
  writeFileSync(`${hello}.ts`, 'console.log("hello");\n');
  run([
    process.execPath,
    "build",
    "--compile",
    "--bytecode",
    "--minify",
    "--format=esm",
    `${hello}.ts`,
    "--outfile",
    hello,
  ]);
  const compile = (name: string) => {
    const to = join(directory, name);
    run(["cc", "-O2", "-static", "-o", to, join(import.meta.dir, "programs", `${name}.c`)]);
    return to;
  };
  const dispose = () => rmSync(directory, { recursive: true, force: true });
  return { directory, hello, stamp: compile("stamp"), lines: compile("lines"), family: compile("family"), dispose };
}

function run(argv: [string, ...string[]]): void {
  const result = Bun.spawnSync(argv, { stdout: "ignore", stderr: "pipe", cwd: "/" });
  if (!result.success) throw new Error(`${argv.join(" ")} failed:\n${result.stderr}`);
}

/** A root whose plugin `t` has a one-shot `true` and the managed commands of the start and log measurements. */
export async function makeRoot({ stamp, lines }: Pick<Programs, "stamp" | "lines">): Promise<TestRoot> {
  const manifest = {
    name: "t",
    commands: {
      true: { kind: "oneshot", run: ["true"] },
      stamp: { kind: "managed", run: [stamp] },
      beside: { kind: "managed", run: [stamp] },
      lines: { kind: "managed", run: [lines] },
    },
  };
  const root = TestRoot.create({ "manifests/t.ts": `export default ${JSON.stringify(manifest)};\n` });
  await must(root, ["t", "true"]); // loads the manifests, so that the cache is there as it is in use
  return root;
}

const KEYS_A_PLUGIN = 10;

/** A root in which this many `sleep`s run, ten to a plugin, started one by one or (`shared`) by `dt up`. */
export async function makeCrowd(count: number, shared = false): Promise<TestRoot> {
  const keys = Array.from({ length: count }, (_, at) => ({
    plugin: `p${Math.floor(at / KEYS_A_PLUGIN)}`,
    command: `c${at % KEYS_A_PLUGIN}`,
  }));
  const files = [...Map.groupBy(keys, (key) => key.plugin)].map(([name, of]) => {
    const commands = of.map(({ command }) => [command, { kind: "managed", run: ["sleep", "1000000"] }]);
    return [`manifests/${name}.json`, JSON.stringify({ name, commands: Object.fromEntries(commands) })];
  });
  const root = TestRoot.create(Object.fromEntries(files));
  try {
    if (shared) await must(root, ["up", ...keys.map(({ plugin, command }) => `${plugin}:${command}`), "-d"]);
    else for (const { plugin, command } of keys) await must(root, [plugin, command, "--no-wait"]);
  } catch (error) {
    await root.dispose();
    throw error;
  }
  return root;
}

export async function must(root: TestRoot, args: string[]): Promise<string> {
  const result = await root.dt(args, { timeoutMs: 120_000, env: { DIALTONE_TRUST: undefined } });
  if (result.code !== 0)
    throw new Error(`dt ${args.join(" ")} ended with ${result.code ?? result.signal}: ${result.stderr}`);
  return result.stdout;
}

/** Trusted by what was run in it, as a root in use is: looking that up is part of what is measured. */
export function dtIn(root: TestRoot, ...args: string[]): Program {
  const { DIALTONE_TRUST: _, ...env } = root.env;
  return { argv: [DT, ...args], cwd: root.dir, env };
}

/** A folder with the same nothing for npm, make and Bun to run. */
export function makeOthers(root: TestRoot): string {
  const directory = join(root.base, "others");
  mkdirSync(directory);
  writeFileSync(join(directory, "package.json"), JSON.stringify({ name: "others", scripts: { true: "true" } }));
  writeFileSync(join(directory, "Makefile"), "true:\n\t@true\n");
  return directory;
}

/** Waits for a line in a file that another process writes; the nanoseconds in it as milliseconds. */
export function readStamp(file: string, everyMs = 1): number {
  const deadline = now() + 60_000;
  while (now() < deadline) {
    if (existsSync(file)) {
      const text = readFileSync(file, "latin1");
      if (text.endsWith("\n")) return Number(text) / 1e6;
    }
    Bun.sleepSync(everyMs);
  }
  throw new Error(`${file} was not written in 60 s`);
}
