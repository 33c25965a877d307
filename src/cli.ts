/** argv -> verb -> exit code. The only place that ends the process. */
import type { Globals } from "./commands/context/types.ts";
import { dispatch } from "./commands/dispatch.ts";
import { DtError, EXIT } from "./sys/base/error.ts";
import { HIDDEN, type Hidden } from "./sys/base/hidden.ts";

/** What Bun makes of a byte that is not UTF-8. */
const LOST = "\uFFFD";
const NO_GLOBALS: Readonly<Globals> = {
  root: undefined,
  verbose: false,
  quiet: false,
  dryRun: false,
  json: false,
  color: null,
  capture: null,
};

/** What each hidden command runs, with the words behind its name. */
const RUNS: Readonly<Record<Hidden, (words: readonly string[]) => Promise<number>>> = {
  become: becomeCarried,
  capture: ([held = "", ...argv]) => run(argv, held),
  drain: runDrain,
  session: runSession,
  host: async (words) => (await import("./supervisor/hosts/process.ts")).runHost(await hostProcess(), words),
  stack: runStack,
  target: runTarget,
  load: async (words) => (await import("./manifest/load/child.ts")).runLoadChild(words),
};

function main(argv: readonly string[]): Promise<number> {
  const [first = "", ...words] = argv;
  if (!first.startsWith("__")) return run(argv, null);
  const names = Object.keys(HIDDEN) as Hidden[];
  const hidden = names.find((name) => HIDDEN[name] === first);
  return hidden === undefined ? run(argv, null) : RUNS[hidden](words);
}

/** `held`: the signals that dt was started with blocked, where it became itself again to capture a one-shot. */
async function run(argv: readonly string[], held: string | null): Promise<number> {
  const globals: Globals = { ...NO_GLOBALS };
  try {
    return await dispatch({ argv, globals, env: await ownEnvironment(), held });
  } catch (error) {
    return fail(error, globals);
  }
}

/**
 * For a child that needs bytes which Bun does not pass on (sys/spawn/bunspawn.ts). Returns only the status of a
 * failure.
 */
async function becomeCarried(words: readonly string[]): Promise<number> {
  try {
    return (await import("./sys/spawn/bunspawn.ts")).becomeCarried(words, process.env);
  } catch (error) {
    return fail(error, NO_GLOBALS);
  }
}

async function runDrain(): Promise<number> {
  (await import("./sys/spawn/drain.ts")).runDrain();
  return EXIT.done;
}

async function runSession([lifeline, status]: readonly string[]): Promise<number> {
  (await import("./sys/capture/session.ts")).runSession(Number(lifeline), Number(status));
  return EXIT.done;
}

async function runStack([input = ""]: readonly string[]): Promise<number> {
  const env = Object.fromEntries(
    Object.entries(await ownEnvironment()).filter((pair): pair is [string, string] => pair[1] !== undefined),
  );
  return (await import("./compose/follow.ts")).followStack(JSON.parse(input), env);
}

async function runTarget(words: readonly string[]): Promise<number> {
  const [{ runTargetChild }, { readInput, writeText }] = await Promise.all([
    import("./jobs/target.ts"),
    import("./sys/stdio/stdio.ts"),
  ]);
  const pieces: Uint8Array[] = [];
  for await (const piece of readInput()) pieces.push(piece);
  const { status, out, err } = await runTargetChild(words, Buffer.concat(pieces).toString());
  writeText(2, err);
  writeText(1, out);
  return status;
}

async function hostProcess(): Promise<import("./supervisor/hosts/hosting.ts").HostProcess> {
  return { self: (await import("./sys/base/self.ts")).selfCommand(), env: await ownEnvironment() };
}

/** The environment with the bytes dt was given; what puts them in the place of text is loaded where there are some. */
async function ownEnvironment(): Promise<Record<string, string | undefined>> {
  for (const name in process.env)
    if (name.includes(LOST) || process.env[name]?.includes(LOST))
      return (await import("./sys/base/rawbytes.ts")).readEnvironment(process.env);
  return process.env;
}

async function fail(error: unknown, globals: Globals): Promise<number> {
  const [{ errorJson, sayBug, sayError }, { writeText }] = await Promise.all([
    import("./output/talk.ts"),
    import("./sys/stdio/stdio.ts"),
  ]);
  if (error instanceof DtError) {
    if (globals.json) writeText(1, errorJson(error));
    sayError(error, { color: globals.color, env: process.env });
    return error.status;
  }
  if ((error as { name?: string } | null)?.name === "AbortError") return EXIT.interrupted;
  sayBug(error);
  return EXIT.internal;
}

const words = process.argv.slice(2);
process.exit(
  await main(
    words.some((word) => word.includes(LOST)) ? (await import("./sys/base/rawbytes.ts")).readArguments(words) : words,
  ),
);
