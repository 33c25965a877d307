/** `dt <plugin> <command>` of a managed command: its variant and flags, and then its runner. */
import type { ManagedSettings, ResolvedCommand, ResolvedPlugin } from "../../manifest/model/resolved.ts";
import { formatLines } from "../../output/lines.ts";
import { EXIT } from "../../sys/base/error.ts";
import { print } from "../../sys/stdio/stdio.ts";
import { DEFAULT_VARIANT, formatKey } from "../../values/key.ts";
import { rememberRoot } from "../context/rememberroot.ts";
import type { DtContext } from "../context/types.ts";
import { usage } from "../context/usage.ts";
import { type Called, unknownWord } from "../names/called.ts";
import { asksForHelp, checkArgs, valuesOf } from "../parse/args.ts";
import { argsOf, type MANAGED_ARGS, type STACK_ARGS } from "../parse/managed.ts";
import { durationFlag, portNumber } from "../parse/values.ts";
import { refuseStranger, tellUnservedPlugin } from "./before.ts";

interface CalledManaged {
  called: Called;
  command: ResolvedCommand;
  words: readonly string[];
}

export async function runCalledManaged(
  context: DtContext,
  { called: { is, index, plugin, begin }, command, words }: CalledManaged,
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
    throw unknownWord(`variant of ${plugin.name} ${command.name}`, {
      name: variant,
      known: Object.keys(command.variants),
      index,
    });
  if (settings.kind !== "managed") throw new Error("a managed command's variant is managed");
  const args = await valuesOf(checked, flags as typeof MANAGED_ARGS & typeof STACK_ARGS);
  const given: Record<string, unknown> = args;
  const noWait = args.wait === false;
  if (noWait && args.timeout !== undefined)
    throw usage("--no-wait and --timeout exclude each other: nothing is waited for.");
  const { runService } = await import("../../runners/managed/service.ts");
  if (args.owner !== undefined && args.detach !== true && args.wait === undefined)
    throw usage(
      "--owner is for a detached launch: one in the foreground ends with its terminal.",
      `${what} -d --owner ${args.owner}`,
    );
  if (!context.globals.dryRun) {
    if (is === "stranger")
      await refuseStranger(index, {
        root: context.root(),
        key: formatKey({ plugin: plugin.name, command: command.name, variant }),
      });
    begin();
    rememberRoot(context);
    await tellUnservedPlugin(context, { plugin, once: false });
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
    timeoutMs: durationFlag("--timeout", args.timeout),
    take: args.take === true,
    off: Object.keys(settings.compose?.toggles ?? {}).filter((name) => given[name] === false),
    recreate: args.recreate === true,
    owner: args.owner ?? null,
  });
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
  const { formatFlags } = await import("../parse/flagtable.ts");
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
