/** argv -> verb -> exit code. The only place that ends the process. */
import type { Globals } from "./commands/context.ts";
import { DtError, EXIT } from "./sys/error.ts";

/** Also in sys/bunspawn.ts, which only what starts a child loads. */
const BECOME_COMMAND = "__become";
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

async function main(argv: readonly string[]): Promise<number> {
  const [first] = argv;
  if (first === "__host") return (await import("./supervisor/hosted.ts")).runDetachedHost(await hostProcess());
  if (first === "__adopt") return (await import("./supervisor/hosted.ts")).runAdoptingHost(await hostProcess());
  if (first === "__hosts") return (await import("./supervisor/up/hosted.ts")).runHostOfMany(await hostProcess());
  if (first === BECOME_COMMAND) return becomeCarried(argv.slice(1));
  if (first === "__drain") return runDrain();
  if (first === "__session") return runSession(argv.slice(1));
  if (first === "__stack") return runStack(argv[1] ?? "");
  if (first === "__target") return runTarget(argv.slice(1));
  if (first === "__load") return (await import("./manifest/child.ts")).runLoadChild(argv.slice(1));

  const globals: Globals = { ...NO_GLOBALS };
  const held = first === "__capture" ? (argv[1] ?? "") : null;
  try {
    return await dispatch(held === null ? argv : argv.slice(2), globals, held);
  } catch (error) {
    return fail(error, globals);
  }
}

/** Of a child that needs bytes which Bun does not pass on (sys/bunspawn.ts). Returns only the status of a failure. */
async function becomeCarried(words: readonly string[]): Promise<number> {
  try {
    return (await import("./sys/bunspawn.ts")).becomeCarried(words, process.env);
  } catch (error) {
    return fail(error, NO_GLOBALS);
  }
}

async function runDrain(): Promise<number> {
  (await import("./sys/drain.ts")).runDrain();
  return EXIT.done;
}

async function runSession([lifeline, status]: readonly string[]): Promise<number> {
  (await import("./sys/session.ts")).runSession(Number(lifeline), Number(status));
  return EXIT.done;
}

async function runStack(input: string): Promise<number> {
  const env = Object.fromEntries(
    Object.entries(await ownEnvironment()).filter((pair): pair is [string, string] => pair[1] !== undefined),
  );
  return (await import("./compose/follow.ts")).followStack(JSON.parse(input), env);
}

async function runTarget(words: readonly string[]): Promise<number> {
  const [{ runTargetChild }, { readInput, writeText }] = await Promise.all([
    import("./daemon/watch/target.ts"),
    import("./sys/stdio.ts"),
  ]);
  const pieces: Uint8Array[] = [];
  for await (const piece of readInput()) pieces.push(piece);
  const { status, out, err } = await runTargetChild(words, Buffer.concat(pieces).toString());
  writeText(2, err);
  writeText(1, out);
  return status;
}

async function hostProcess(): Promise<import("./supervisor/hosted.ts").HostProcess> {
  return { self: (await import("./sys/self.ts")).selfCommand(), env: await ownEnvironment() };
}

/** The environment with the bytes dt was given; what puts them in the place of text is loaded where there are some. */
async function ownEnvironment(): Promise<Record<string, string | undefined>> {
  for (const name in process.env)
    if (name.includes(LOST) || process.env[name]?.includes(LOST))
      return (await import("./sys/raw.ts")).readEnvironment(process.env);
  return process.env;
}

async function dispatch(argv: readonly string[], globals: Globals, held: string | null): Promise<number> {
  const { takeGlobal, unknownFlag } = await import("./commands/args.ts");
  const { makeContext } = await import("./commands/context.ts");
  let at = 0;
  let showVersion = false;
  let showHelp = false;
  let isPlugin = false;
  for (; at < argv.length; at++) {
    const word = argv[at] as string;
    if (!word.startsWith("-")) break;
    // What follows is a plugin, though a verb may have its name.
    if (word === "--") {
      isPlugin = true;
      at++;
      break;
    }
    const taken = takeGlobal(argv, at, globals);
    if (taken > 0) at += taken - 1;
    else if (word === "--version" || word === "-v") showVersion = true;
    else if (word === "--help" || word === "-h") showHelp = true;
    else throw unknownFlag("dt", word, ["--version", "-v", "--help", "-h"]);
  }
  const context = makeContext(globals, argv, await ownEnvironment(), held);
  const word = argv[at];
  const { isVerb, VERBS } = await import("./commands/verbs.ts");
  if (showVersion) return runVerb("version", [], context);
  if (showHelp || word === undefined) {
    const { complainWithHelp, runHelp } = await import("./commands/help.ts");
    return showHelp ? runHelp(context) : complainWithHelp(context);
  }
  const rest = argv.slice(at + 1);
  if (isPlugin || !isVerb(word)) return (await import("./commands/plugin.ts")).runPlugin(context, word, rest);
  if (VERBS[word] === null)
    throw new DtError("not-implemented", `dt ${word} is a reserved verb that is not in this version yet.`, {
      status: EXIT.usage,
      hint: `A plugin of this name is run as: dt -- ${word} …`,
    });
  return runVerb(word, rest, context);
}

async function runVerb(
  name: import("./commands/verbs.ts").VerbName,
  words: readonly string[],
  context: import("./commands/context.ts").DtContext,
): Promise<number> {
  const { VERBS } = await import("./commands/verbs.ts");
  const verb = VERBS[name];
  if (verb === null) throw new Error(`${name} is not there`);
  const { asksForHelp, checkArgs, usage, valuesOf } = await import("./commands/args.ts");
  if (asksForHelp(words)) {
    const [{ formatVerbHelp }, { makePaint }, { print }] = await Promise.all([
      import("./commands/help.ts"),
      import("./output/talk.ts"),
      import("./sys/stdio.ts"),
    ]);
    print(await formatVerbHelp(name, makePaint(context.colored())));
    return EXIT.done;
  }
  const command = (await verb.load()).default;
  const { _: _words, ...flags } = { ...(command.args ?? {}) } as Record<string, never>;
  const checked = checkArgs(words, {
    what: `dt ${name}`,
    args: flags,
    globals: context.globals,
    maxWords: verb.maxWords,
    rest: "words",
  });
  if (context.globals.json && verb.json === false) throw usage(`dt ${name} has no --json.`);
  const args = await valuesOf(checked, flags);
  const status: unknown = await command.run?.({ rawArgs: [...words], args, cmd: command, data: context });
  return typeof status === "number" ? status : EXIT.done;
}

async function fail(error: unknown, globals: Globals): Promise<number> {
  const [{ errorJson, sayBug, sayError }, { writeText }] = await Promise.all([
    import("./output/talk.ts"),
    import("./sys/stdio.ts"),
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
  await main(words.some((word) => word.includes(LOST)) ? (await import("./sys/raw.ts")).readArguments(words) : words),
);
