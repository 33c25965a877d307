/** `dt <plugin> <command> [variant] …`: finds the command in the index and hands it to its runner. */
import type {
  ManagedSettings,
  ManifestIndex,
  ResolvedCommand,
  ResolvedPlugin,
  Settings,
} from "../manifest/model/resolved.ts";
import { formatLines } from "../output/lines.ts";
import { makePaint } from "../output/talk.ts";
import { describeAsker } from "../state/asker.ts";
import { NEEDS_MET, START_MARK } from "../supervisor/launch/marks.ts";
import { EXIT } from "../sys/base/error.ts";
import { inheritedDescriptors } from "../sys/spawn/descriptors.ts";
import { print } from "../sys/stdio/stdio.ts";
import { DEFAULT_VARIANT, formatKey } from "../values/key.ts";
import { rememberRoot } from "./context/rememberroot.ts";
import type { DtContext } from "./context/types.ts";
import { usage } from "./context/usage.ts";
import { asksForHelp, checkArgs, heedJson, valuesOf } from "./parse/args.ts";
import { asksForService, type Called, callOf, findCommand, findPlugin, unknownName } from "./parse/called.ts";
import { takeGlobals } from "./parse/globals.ts";
import { argsOf, type MANAGED_ARGS, type STACK_ARGS } from "./parse/managed.ts";
import { durationOf, portNumber } from "./parse/values.ts";

export async function runPlugin(context: DtContext, name: string, given: readonly string[]): Promise<number> {
  const descriptors = inheritedDescriptors();
  // Flags before the command's name are dt's.
  const words = takeGlobals(given, context.globals);
  const [commandName, ...rest] = words;
  if (commandName === undefined || commandName === "--help" || commandName === "-h") return showPlugin(context, name);
  const { called, command } = await findCalled(context, name, words, commandName);
  if (command.kind === "managed") return runManaged(context, called, command, rest);
  if (context.ownEnv[START_MARK] !== undefined)
    throw usage(`${name}:${commandName} is a one-shot, which is run, not started.`, `dt ${name} ${commandName}`);
  // In a trusted root the flag is the command's own, like all words after its name.
  if (called.is === "look" && !context.globals.dryRun) return showPlugin(context, name);
  return runOneshot(context, called, command, rest, descriptors);
}

async function findCalled(
  context: DtContext,
  name: string,
  words: readonly string[],
  commandName: string,
): Promise<{ called: Called; command: ResolvedCommand }> {
  try {
    const called = await callOf(context, name, words);
    return { called, command: findCommand(called.index, called.plugin, commandName) };
  } catch (error) {
    // Words after an unknown name do not belong to a command.
    heedJson(words, context.globals);
    throw error;
  }
}

/** The plugin's own help. */
export async function showPlugin(context: DtContext, name: string): Promise<number> {
  const plugin = findPlugin(context, await context.index(), name);
  if (context.globals.json) throw usage(`dt ${name} has no --json.`, "dt list --json");
  const { formatPlugin } = await import("./verbs/list.ts");
  print(formatPlugin(context.root(), plugin, makePaint(context.colored())));
  return EXIT.done;
}

/**
 * All words go to the command untouched, except that a first word that names a variant selects it; `--` in its place
 * prevents that.
 */
async function runOneshot(
  context: DtContext,
  { is, index, plugin, begin }: Called,
  command: ResolvedCommand,
  words: readonly string[],
  descriptors: readonly number[],
): Promise<number> {
  const [first] = words;
  const named =
    first !== undefined && first !== "--" && first !== DEFAULT_VARIANT && Object.hasOwn(command.variants, first);
  const variant = named ? (first as string) : DEFAULT_VARIANT;
  const args = named || first === "--" ? words.slice(1) : words;
  const settings = command.variants[variant] as Settings;
  if (settings.kind !== "oneshot") throw new Error("a one-shot's variant is a one-shot");
  const key = formatKey({ plugin: plugin.name, command: command.name, variant });
  if (is === "stranger" && !context.globals.dryRun) await refuseStranger(index, context.root(), key);
  if (!context.globals.dryRun) {
    begin();
    await tellUnserved(context, plugin, true);
  }
  const asStranger = is !== "run";
  const isNeedy = settings.needs.length > 0 && !areNeedsMet(context, key);
  const cancelled = isNeedy ? await meetNeeds(context, index, key, asStranger) : null;
  if (cancelled !== null) return cancelled;
  const runner = context.runner(asStranger);
  runner.announced?.close();
  const { runOneshot: run } = await import("../runners/oneshot/exec.ts");
  return run(runner, {
    plugin: plugin.name,
    command: command.name,
    variant,
    file: plugin.file,
    settings,
    args,
    descriptors,
  });
}

/**
 * A host that runs the one-shot as a need has met its needs, and so has this dt before it executed itself again to
 * capture the output.
 */
function areNeedsMet(context: DtContext, key: string): boolean {
  return context.globals.dryRun || context.runner().held !== null || context.env[NEEDS_MET] === key;
}

async function meetNeeds(
  context: DtContext,
  index: ManifestIndex,
  key: string,
  asStranger: boolean,
): Promise<number | null> {
  const { startNeeded } = await import("../runners/managed/needed.ts");
  const { LOCK_TIMEOUT_MS } = await import("../supervisor/launch/lock.ts");
  rememberRoot(context);
  const asker = describeAsker("user", context.argv);
  return startNeeded(context.runner(asStranger), index, {
    key,
    env: context.env,
    asker,
    lockTimeoutMs: LOCK_TIMEOUT_MS,
  });
}

async function runManaged(
  context: DtContext,
  { is, index, plugin, begin }: Called,
  command: ResolvedCommand,
  words: readonly string[],
): Promise<number> {
  const what = `dt ${plugin.name} ${command.name}`;
  if (asksForHelp(words)) return showManaged(plugin, command);
  const flags = argsOf(defaultOf(command));
  const checked = checkArgs(words, { what, args: flags, globals: context.globals, maxWords: 1, rest: "command" });
  // The words looked like a dry run, but `--dry-run` was the value of another flag.
  if (is === "look" && !context.globals.dryRun) return showManaged(plugin, command);
  const [variant = DEFAULT_VARIANT] = checked.words;
  const settings = Object.hasOwn(command.variants, variant) ? command.variants[variant] : undefined;
  if (settings === undefined)
    throw unknownName(`variant of ${plugin.name} ${command.name}`, variant, Object.keys(command.variants), index);
  if (settings.kind !== "managed") throw new Error("a managed command's variant is managed");
  const args = await valuesOf(checked, flags as typeof MANAGED_ARGS & typeof STACK_ARGS);
  const given: Record<string, unknown> = args;
  const noWait = args.wait === false;
  if (noWait && args.timeout !== undefined)
    throw usage("--no-wait and --timeout exclude each other: nothing is waited for.");
  const { runService } = await import("../runners/managed/service.ts");
  if (args.owner !== undefined && args.detach !== true && args.wait === undefined)
    throw usage(
      "--owner is for a detached launch: one in the foreground ends with its terminal.",
      `${what} -d --owner ${args.owner}`,
    );
  if (!context.globals.dryRun) {
    if (is === "stranger")
      await refuseStranger(index, context.root(), formatKey({ plugin: plugin.name, command: command.name, variant }));
    begin();
    rememberRoot(context);
    await tellUnserved(context, plugin, false);
  }
  return runService(context.runner(is !== "run"), {
    plugin: plugin.name,
    command: command.name,
    variant,
    settings: args.port === undefined ? settings : { ...settings, port: portOf(args.port) },
    args: checked.rest,
    detach: args.detach === true || args.wait !== undefined,
    noWait,
    ensure: args.ensure === true,
    index: args.needs === false ? null : index,
    timeoutMs: durationOf("--timeout", args.timeout),
    take: args.take === true,
    off: Object.keys(settings.compose?.toggles ?? {}).filter((name) => given[name] === false),
    recreate: args.recreate === true,
    owner: args.owner ?? null,
  });
}

/** `once`: for a one-shot, since a program may run it and read its standard error. */
async function tellUnserved(context: DtContext, plugin: ResolvedPlugin, once: boolean): Promise<void> {
  if (!asksForService(plugin)) return;
  const { tellUnservedOf } = await import("./root/unserved.ts");
  tellUnservedOf(context, [plugin], once);
}

async function refuseStranger(index: ManifestIndex, root: string, key: string): Promise<void> {
  const { refuseOfRoot } = await import("./root/strangers.ts");
  refuseOfRoot(index, root, key);
}

/** The flags are those of the command, not of a variant. */
function defaultOf(command: ResolvedCommand): ManagedSettings {
  const settings = command.variants[DEFAULT_VARIANT];
  if (settings?.kind !== "managed") throw new Error("a managed command's default variant is managed");
  return settings;
}

/** A number from 1 to 65535, or `auto`. */
function portOf(text: string): number | "auto" {
  if (text === "auto") return "auto";
  const port = portNumber(text);
  if (port !== null) return port;
  throw usage(`--port takes a number from 1 to 65535 or "auto", not "${text}".`);
}

async function showManaged(plugin: ResolvedPlugin, command: ResolvedCommand): Promise<number> {
  const { formatFlags } = await import("./help.ts");
  const variants = Object.keys(command.variants).filter((name) => name !== DEFAULT_VARIANT);
  const choice = variants.length === 0 ? "" : ` [${variants.join(" | ")}]`;
  const head = formatLines([
    `dt ${plugin.name} ${command.name}${choice} [flags] [-- args]`,
    `  ${command.description ?? "A managed command"}.`,
    "",
  ]);
  print(`${head}${formatFlags(argsOf(defaultOf(command)))}`);
  return EXIT.done;
}
