/** `dt <plugin> <command> [variant] …`: finds the command in the index and hands it to its runner. */
import type { ResolvedCommand } from "../manifest/model/resolved.ts";
import { makePaint } from "../output/talk.ts";
import { START_MARK } from "../supervisor/launch/marks.ts";
import { EXIT } from "../sys/base/error.ts";
import { inheritedDescriptors } from "../sys/spawn/descriptors.ts";
import { print } from "../sys/stdio/stdio.ts";
import { formatShortKey } from "../values/key.ts";
import { beginHost } from "./context/beginhost.ts";
import type { DtContext } from "./context/types.ts";
import { usage } from "./context/usage.ts";
import { type Called, callOf, findCommand, findPlugin } from "./names/called.ts";
import { heedJson } from "./parse/args.ts";
import { takeGlobals } from "./parse/globals.ts";
import { runCalledManaged } from "./run/managed.ts";
import { runCalledOneshot } from "./run/oneshot.ts";

export async function runPlugin(
  context: DtContext,
  { name, words }: { name: string; words: readonly string[] },
): Promise<number> {
  const descriptors = inheritedDescriptors();
  // Flags before the command's name are dt's.
  const own = takeGlobals(words, context.globals);
  const [commandName, ...rest] = own;
  if (commandName === undefined || commandName === "--help" || commandName === "-h") return showPlugin(context, name);
  if (own.some((word) => DETACHING.has(word))) await beginHost(context);
  const { called, command } = await findCalled(context, { name, words: own, commandName });
  if (command.kind === "managed") return runCalledManaged(context, { called, command, words: rest });
  if (context.ownEnv[START_MARK] !== undefined)
    throw usage(
      `${formatShortKey({ plugin: name, command: commandName })} is a one-shot, which is run, not started.`,
      `dt ${name} ${commandName}`,
    );
  // In a trusted root the flag is the command's own, like all words after its name.
  if (called.is === "look" && !context.globals.dryRun) return showPlugin(context, name);
  return runCalledOneshot(context, { called, command, words: rest, descriptors });
}

/** With one of these words a managed command is most likely started detached. */
const DETACHING: ReadonlySet<string> = new Set(["-d", "--detach", "--wait", "--no-wait"]);

async function findCalled(
  context: DtContext,
  { name, words, commandName }: { name: string; words: readonly string[]; commandName: string },
): Promise<{ called: Called; command: ResolvedCommand }> {
  try {
    const called = await callOf(context, { name, words });
    return { called, command: findCommand(called.index, { plugin: called.plugin, name: commandName }) };
  } catch (error) {
    // Words after an unknown name do not belong to a command.
    heedJson(words, context.globals);
    throw error;
  }
}

/** The plugin's own help. */
export async function showPlugin(context: DtContext, name: string): Promise<number> {
  const plugin = findPlugin(context, { index: await context.index(), name });
  if (context.globals.json) throw usage(`dt ${name} has no --json.`, "dt list --json");
  const { formatPlugin } = await import("./verbs/list.ts");
  print(formatPlugin(context.root(), { plugin, paint: makePaint(context.colored()) }));
  return EXIT.done;
}
