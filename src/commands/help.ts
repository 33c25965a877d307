/** `dt help`: verbs and flags, from the same tables that dt executes. */
import type { ArgsDef } from "citty";
import { formatTable } from "../output/table.ts";
import { makePaint, type Paint } from "../output/talk.ts";
import { EXIT } from "../sys/base/error.ts";
import { print, writeText } from "../sys/stdio/stdio.ts";
import type { DtContext } from "./context/types.ts";
import type { VerbCommand } from "./loaders.ts";
import { formatFlags } from "./parse/flagtable.ts";
import { rowsOfGlobals } from "./parse/globals.ts";
import { MANAGED_ARGS } from "./parse/managed.ts";
import { type PresentVerb, VERBS } from "./parse/verbs.ts";

export function formatHelp(paint: Paint): string {
  const verbs = Object.entries(VERBS).flatMap(([name, verb]) => (verb === null ? [] : [[`  ${name}`, verb.summary]]));
  return [
    `${paint.bold("dt")} [global flags] <plugin> <command> [variant] [flags] [-- args]\n`,
    `${paint.bold("Commands of this project")}\n  dt list shows them; dt <plugin> shows one plugin's.\n`,
    `${paint.bold("Verbs")}\n${formatTable(verbs)}`,
    `${paint.bold("Global flags")} (before the plugin, or after a verb)\n${formatTable(rowsOfGlobals().map(([flag, text]) => [`  ${flag}`, text]))}`,
    `${paint.bold("A managed command")} takes\n${formatFlags(MANAGED_ARGS)}`,
  ].join("\n");
}

/** The help text of one verb. */
export function formatVerbHelp(name: PresentVerb, { command, paint }: { command: VerbCommand; paint: Paint }): string {
  const args = (command.args ?? {}) as ArgsDef;
  const words = Object.values(args).flatMap((arg) =>
    arg.type === "positional" ? [` [${arg.valueHint ?? "key …"}]`] : [],
  );
  const flags = formatFlags(args);
  return `${paint.bold(`dt ${name}`)}${words.join("")}\n  ${VERBS[name]?.summary}.\n${flags === "" ? "" : `\n${flags}`}`;
}

export function runHelp(context: DtContext): number {
  print(formatHelp(makePaint(context.colored())));
  return EXIT.done;
}

/** `dt` without words is wrong usage: the help goes to standard error, since it is not an answer. */
export function complainWithHelp(context: DtContext): number {
  writeText(2, formatHelp(context.talk.paint));
  return EXIT.usage;
}
