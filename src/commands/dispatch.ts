/** From the words after `dt` to a verb or a plugin's command, and its exit status. */
import { DtError, EXIT } from "../sys/base/error.ts";
import { makeContext } from "./context/context.ts";
import type { DtContext, Globals } from "./context/types.ts";
import { usage } from "./context/usage.ts";
import { LOADERS } from "./loaders.ts";
import { asksForHelp, checkArgs, valuesOf } from "./parse/args.ts";
import { unknownFlag } from "./parse/flags.ts";
import { takeGlobal } from "./parse/globals.ts";
import { isPresent, isVerb, type PresentVerb, VERBS } from "./parse/verbs.ts";
import { runPlugin, showPlugin } from "./plugin.ts";

export interface Call {
  argv: readonly string[];
  /** Set by the flags in `argv`. An error is printed as they say. */
  globals: Globals;
  /** The environment of dt itself. */
  env: Record<string, string | undefined>;
  /** The signals that were blocked when dt started, if it executed itself again to capture a one-shot; else null. */
  held: string | null;
}

export async function dispatch({ argv, globals, env, held }: Call): Promise<number> {
  let at = 0;
  let showVersion = false;
  let showHelp = false;
  let isPlugin = false;
  for (; at < argv.length; at++) {
    const word = argv[at] as string;
    if (!word.startsWith("-")) break;
    // The next word is a plugin, even if a verb has the same name.
    if (word === "--") {
      isPlugin = true;
      at++;
      break;
    }
    const taken = takeGlobal(argv, { at, globals });
    if (taken > 0) at += taken - 1;
    else if (word === "--version" || word === "-v") showVersion = true;
    else if (word === "--help" || word === "-h") showHelp = true;
    else throw unknownFlag("dt", { name: word, known: ["--version", "-v", "--help", "-h"] });
  }
  const context = makeContext({ globals, argv, ownEnv: env, held });
  const word = argv[at];
  if (showVersion) return runVerb(context, { name: "version", words: [] });
  if (showHelp || word === undefined) {
    const { complainWithHelp, runHelp } = await import("./help.ts");
    return showHelp ? runHelp(context) : complainWithHelp(context);
  }
  const rest = argv.slice(at + 1);
  if (isPlugin || !isVerb(word)) return runPlugin(context, { name: word, words: rest });
  if (isPresent(word)) return runVerb(context, { name: word, words: rest });
  throw new DtError("not-implemented", `dt ${word} is a reserved verb that is not in this version yet.`, {
    status: EXIT.usage,
    hint: `A plugin of this name is run as: dt -- ${word} …`,
  });
}

async function runVerb(
  context: DtContext,
  { name, words }: { name: PresentVerb; words: readonly string[] },
): Promise<number> {
  const verb = VERBS[name];
  if (verb === null) throw new Error(`${name} is not there`);
  if (asksForHelp(words)) return explainVerb(name, context);
  const command = (await LOADERS[name]()).default;
  const { _: _words, ...flags } = { ...(command.args ?? {}) } as Record<string, never>;
  const checked = checkArgs(words, {
    what: `dt ${name}`,
    args: flags,
    globals: context.globals,
    maxWords: verb.maxWords,
    rest: "words",
  });
  if (context.globals.json && verb.json === false) throw usage(`dt ${name} has no --json.`);
  if (name === "help") return explain(checked.words[0], context);
  const args = await valuesOf(checked, flags);
  const status: unknown = await command.run?.({ rawArgs: [...words], args, cmd: command, data: context });
  return typeof status === "number" ? status : EXIT.done;
}

/** `dt help [verb | plugin]`. */
async function explain(word: string | undefined, context: DtContext): Promise<number> {
  if (word === undefined) return (await import("./help.ts")).runHelp(context);
  if (!isVerb(word)) return showPlugin(context, word);
  if (isPresent(word)) return explainVerb(word, context);
  const { print } = await import("../sys/stdio/stdio.ts");
  print(`dt ${word} is not in this version yet.\n`);
  return EXIT.done;
}

async function explainVerb(name: PresentVerb, context: DtContext): Promise<number> {
  const [{ formatVerbHelp }, { makePaint }, { print }] = await Promise.all([
    import("./help.ts"),
    import("../output/talk.ts"),
    import("../sys/stdio/stdio.ts"),
  ]);
  print(formatVerbHelp(name, { command: (await LOADERS[name]()).default, paint: makePaint(context.colored()) }));
  return EXIT.done;
}
