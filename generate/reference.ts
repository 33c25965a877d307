/** The reference, made from what is executed: verbs and flags from their definitions, manifest fields from the types, codes from the table. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ArgsDef } from "citty";
import { LOADERS } from "../src/commands/loaders.ts";
import { rowsOfFlags } from "../src/commands/parse/flagtable.ts";
import { rowsOfGlobals } from "../src/commands/parse/globals.ts";
import { MANAGED_ARGS, STACK_ARGS } from "../src/commands/parse/managed.ts";
import { type PresentVerb, VERBS } from "../src/commands/parse/verbs.ts";
import descriptions from "../src/manifest/schema/descriptions.json" with { type: "json" };
import { EXIT } from "../src/sys/base/error.ts";

const EXIT_WORDS: Record<keyof typeof EXIT, string> = {
  done: "done",
  failed: "failed",
  usage: "wrong usage, a name that nothing has, or a manifest that cannot be used",
  notRunning: "not running (`dt status`)",
  lockTimeout: "a lock was not had in time",
  survivors: "something of the launch is left, or may be: it is named",
  timeout: "not ready in time; the launch stays",
  internal: "dt failed before the command ran",
  cannotExecute: "the command cannot be executed",
  notFound: "the command, its interpreter or its directory was not found",
  interrupted: "ended by Ctrl-C",
};

/** Where a field may stand, by the name of its type. */
const TYPE_WORDS: Record<string, string> = {
  Plugin: "The plugin",
  CommonFields: "Plugin, command or variant",
  OneshotCommand: "A one-shot command",
  OneshotFields: "A one-shot command, or a variant of it",
  ManagedCommand: "A managed command",
  ManagedFields: "A managed command, or a variant of it",
  Probe: "`ready`",
  LogOptions: "`logs`",
  StopOptions: "`stop`",
  ComposeOptions: "`compose`",
  Toggle: "A toggle of `compose`",
  Watch: "`watch`",
  Job: "`ctx.job` of a `handler`",
  DaemonOptions: "`daemon`",
  HandlerContext: "What a `handler` gets",
};

/** The whole page. `sources` is the folder of dt's own sources, for the types of the JSON output. */
export async function makeReference(sources: string): Promise<string> {
  const verbs = await Promise.all(
    Object.entries(VERBS).flatMap(([name, verb]) =>
      verb === null ? [] : [describeVerb(name, verb.summary, LOADERS[name as PresentVerb])],
    ),
  );
  const reserved = Object.entries(VERBS).flatMap(([name, verb]) => (verb === null ? [`\`${name}\``] : []));
  return [
    "# Reference",
    "This page is made from the code by `bun run generate`; a test fails when it is stale.",
    "## Command line",
    "`dt [global flags] <plugin> <command> [variant] [flags] [-- args]`",
    "### Global flags",
    "They stand before the plugin or between it and its command; after a built-in verb, and after a managed command, they are accepted too. What follows the name of a one-shot is the one-shot's own.",
    "Short flags may be joined, and a value may stand right behind its flag: `dt logs shop dev -fn5`. A flag that takes one value is an error when it is given twice with different values.",
    table(
      ["flag", "meaning"],
      rowsOfGlobals().map(([flag, text]) => [`\`${flag}\``, text]),
    ),
    "### Flags of a managed command",
    flagTable(MANAGED_ARGS),
    "Of a stack of containers also these, and `--no-NAME` for each toggle that it declares:",
    flagTable(STACK_ARGS),
    ...verbs,
    `Reserved for later versions: ${reserved.join(" ")}.`,
    "## Exit codes",
    "Codes of dt itself. Otherwise the command's own code passes through, and 128+n when signal n ended it.",
    table(
      ["code", "meaning"],
      Object.entries(EXIT).map(([name, code]) => [String(code), EXIT_WORDS[name as keyof typeof EXIT]]),
    ),
    "## Manifest fields",
    "Paths are relative to the project root. Durations and sizes are strings with units. The JSON Schema of all this is printed by `dt schema`.",
    ...fieldTables(),
    "## JSON",
    "`dt ps --json` prints an array of these, `dt status --json` one of them when one key is named:",
    typeBlock(join(sources, "inspect/types.ts"), "KeyReport"),
    "A detached start and `dt restart` print one of these:",
    typeBlock(join(sources, "supervisor/launch/types.ts"), "LaunchLine"),
    "What the daemon says, over its socket and as `dt daemon status --json`, is in [daemon.schema.json](daemon.schema.json).",
    "`dt jobs --json` prints an array of jobs, `dt watch --json` one a line; they are in the same schema.",
    "`dt init` prints one of these:",
    typeBlock(join(sources, "commands/verbs/init.ts"), "InitReport"),
    'An error is printed on standard output as well, when `--json` is given: `{ "error": { code, message, hint, status, details } }`.',
  ]
    .join("\n\n")
    .concat("\n");
}

async function describeVerb(
  name: string,
  summary: string,
  load: () => Promise<{ default: { args?: unknown } }>,
): Promise<string> {
  const { args } = (await load()).default;
  const flags = flagTable((args ?? {}) as ArgsDef);
  return [`### dt ${name}`, `${summary}.`, ...(flags === "" ? [] : [flags])].join("\n\n");
}

function flagTable(args: ArgsDef): string {
  const rows = rowsOfFlags(args).map(([flag = "", text = ""]) => [`\`${flag.trim()}\``, text]);
  return rows.length === 0 ? "" : table(["flag", "meaning"], rows);
}

/** Each field once: where a type takes another's fields in, they stand at the other. */
function fieldTables(): string[] {
  const inherited: Record<string, string[]> = {
    OneshotFields: ["CommonFields"],
    ManagedFields: ["CommonFields"],
    OneshotCommand: ["CommonFields", "OneshotFields"],
    ManagedCommand: ["CommonFields", "ManagedFields"],
    Plugin: ["CommonFields"],
  };
  const all = descriptions as Record<string, Record<string, string>>;
  return Object.keys(TYPE_WORDS).flatMap((type) => {
    const elsewhere = new Set((inherited[type] ?? []).flatMap((other) => Object.keys(all[other] ?? {})));
    const rows = Object.entries(all[type] ?? {}).filter(([field]) => !elsewhere.has(field));
    return [
      `### ${TYPE_WORDS[type]}`,
      table(
        ["field", "meaning"],
        rows.map(([field, text]) => [`\`${field}\``, text]),
      ),
    ];
  });
}

function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function typeBlock(file: string, name: string): string {
  const source = readFileSync(file, "utf8");
  const start = source.indexOf(`export interface ${name} {`);
  if (start < 0) throw new Error(`${file} has no interface ${name}`);
  return `\`\`\`ts\n${source.slice(start + "export ".length, source.indexOf("\n}", start) + 2)}\n\`\`\``;
}
