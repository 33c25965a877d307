/**
 * `dt logs`: the output of launches: of one or several keys, of a run or a time, some lines or all, once or followed.
 * Reads files only.
 */
import { resolve } from "node:path";
import { keysOf } from "../../inspect/look.ts";
import type { LogTarget } from "../../logs/followkeys.ts";
import { listRuns } from "../../logs/runs.ts";
import { settingsOf } from "../../manifest/model/find.ts";
import type { ManifestIndex } from "../../manifest/model/resolved.ts";
import { formatLines } from "../../output/lines.ts";
import { isRunOver } from "../../supervisor/run/runover.ts";
import { DtError, EXIT } from "../../sys/base/error.ts";
import { expectLongWork } from "../../sys/base/jit.ts";
import { statOf } from "../../sys/base/stat.ts";
import { presenceOf } from "../../sys/process/identity.ts";
import { print } from "../../sys/stdio/stdio.ts";
import { showWord } from "../../values/commandline.ts";
import type { Selection } from "../../values/key.ts";
import type { DtContext } from "../context/types.ts";
import { showLines } from "../logs/lines.ts";
import { DEFAULT_LINES, GREP_SEPARATOR, type LogsRequest, parseLogsArgs } from "../logs/parse.ts";
import { showRaw } from "../logs/raw.ts";
import { selectionOf } from "../names/select.ts";
import { defineVerb } from "../parse/verb.ts";

export default defineVerb({
  args: {
    follow: {
      type: "boolean",
      alias: "f",
      description: "Go on with new output, across restarts, and of keys that start later",
    },
    lines: {
      type: "string",
      alias: "n",
      description: `How many lines from the end (default ${DEFAULT_LINES}; all, where a part is asked for), or "all"`,
      valueHint: "100",
    },
    previous: {
      type: "string",
      description: "An earlier run: 1 (the default) is the one before the latest",
      valueHint: "[1]",
    },
    since: { type: "string", description: "What was written since: a duration ago, or a time", valueHint: "5m" },
    until: { type: "string", description: "What was written until then", valueHint: "2026-01-31T12:00" },
    grep: {
      type: "string",
      description: "Lines that match a regular expression; given several times, any of them",
      valueHint: "REGEX",
      separator: GREP_SEPARATOR,
    },
    errors: { type: "boolean", description: "Lines that look like errors, stack traces whole" },
    context: {
      type: "string",
      description: "With --grep or --errors: this many lines before and after",
      valueHint: "3",
    },
    after: {
      type: "string",
      description: "What was written after a cursor of --json; separate several by commas",
      valueHint: "CURSOR",
      separator: ",",
    },
    path: { type: "boolean", description: "Print the logs' paths instead" },
    _: { type: "positional", required: false, description: "Keys, words of one, or a plugin", valueHint: "key …" },
  },
  async run({ args, data }) {
    const context = data as DtContext;
    expectLongWork();
    const request = parseLogsArgs(args, Date.now());
    const selection = await selectionOf(context, { words: args._ });
    const index = await context.peek();
    const targets = () => targetsOf(context, { selection, request, index });
    const found = targets();
    if (args.path) return printPaths(context, found);
    if (found.length === 0 && !request.follow) throw nothingRan(selection);
    for (const target of found) tellElsewhere(context, target);
    const single =
      selection.is === "keys" && selection.keys.length === 1 ? true : found.length === 1 && !request.follow;
    const raw = single && request.matcher === null && request.after.length === 0 && !context.globals.json;
    return raw
      ? showRaw(context, { target: found[0] as LogTarget, request })
      : showLines(context, { targets, request, single });
  },
});

function targetsOf(
  context: DtContext,
  { selection, request, index }: { selection: Selection; request: LogsRequest; index: ManifestIndex | null },
): LogTarget[] {
  const ground = context.ground();
  const keys =
    selection.is === "all" && request.after.length > 0
      ? request.after.map((one) => one.key)
      : keysOf(ground, selection);
  return [...new Set(keys)]
    .map((key) => ({
      key,
      log: logPathOf(context, { key, index }),
      times: ground.store.path(key, "times"),
      isOver: () => isRunOver(ground, key),
    }))
    .filter((target) => isOwn(context, { target, selection }));
}

/**
 * A running launch keeps writing to its own file, even if that was moved or removed. Another file may have its name by
 * now.
 */
function tellElsewhere({ talk, ground }: DtContext, { key, log }: LogTarget): void {
  const { store, table } = ground();
  const record = store.record(key);
  if (record.is !== "there" || record.value.log !== log) return;
  const { logFile, leader } = record.value;
  const stat = statOf(log);
  if (logFile === null || (stat?.ino === logFile.ino && stat.dev === logFile.dev)) return;
  if (leader === null || presenceOf(table, leader) !== "alive") return;
  const now = store.record(key); // a rerun makes a new file
  if (now.is !== "there" || now.value.token !== record.value.token) return;
  const hidden = "its output is not shown until it is started again";
  talk.warn(
    stat === undefined
      ? `${key} is running, but its log was moved or removed: ${hidden}`
      : `${key} writes to another file than ${log}, since its own was moved or removed: ${hidden}`,
  );
}

/**
 * If this user's dt did not write the state of a key, nothing says which file a launch wrote: a key that was named is
 * refused, others are left out. Where there is neither record nor exit, a captured one-shot may be running, but not in
 * a root of which nothing was ever run.
 */
function isOwn(context: DtContext, { target, selection }: { target: LogTarget; selection: Selection }): boolean {
  const { key, log } = target;
  const { store } = context.ground();
  const record = store.record(key);
  const telling = record.is === "absent" ? store.exit(key) : record;
  if (telling.is === "absent" ? isUnjudged(context, target) : telling.is !== "unreadable" || telling.foreign !== true)
    return true;
  if (selection.is !== "keys") return false;
  throw new DtError("foreign", `${key} is foreign: no launch of your dt wrote its log.`, {
    hint: `If you want to see the file all the same: cat -v ${showWord(log)}`,
  });
}

/** Whether there is no log, or none that needs a judgement. */
function isUnjudged(context: DtContext, { log, times }: LogTarget): boolean {
  return context.reading() !== "data" || listRuns(log, times).length === 0;
}

/**
 * The log of the last launch. Before the first launch, and while a one-shot is captured, the path that the manifest
 * declares, or the default.
 */
function logPathOf(context: DtContext, { key, index }: { key: string; index: ManifestIndex | null }): string {
  const { store } = context.ground();
  const record = store.record(key);
  if (record.is === "there") return record.value.log;
  const exit = store.exit(key);
  if (exit.is === "there") return exit.value.log;
  const declared = index === null ? null : (settingsOf(index.plugins, key)?.log ?? null);
  return declared === null ? store.path(key, "log") : resolve(context.root(), declared);
}

function printPaths({ globals }: DtContext, targets: readonly LogTarget[]): number {
  print(formatLines(targets.map(({ key, log }) => (globals.json ? JSON.stringify({ key, path: log }) : log))));
  return EXIT.done;
}

function nothingRan(selection: Selection): DtError {
  const what = selection.is === "plugin" ? `Nothing of ${selection.plugin} has run here.` : "Nothing has run here.";
  return new DtError("no-log", what, { hint: "`dt list` lists what there is, `dt ps --all` what has run." });
}
