/**
 * `dt stop`: ends launches with their whole trees. Exit 0 when all is gone, 5 with names when something may be left.
 */
import { keysOf } from "../../inspect/look.ts";
import { commandOf } from "../../manifest/model/find.ts";
import type { ManifestIndex } from "../../manifest/model/resolved.ts";
import { formatLines } from "../../output/lines.ts";
import { tellEvent } from "../../runners/parts/tell.ts";
import { askerOf } from "../../state/asker.ts";
import { stopKey } from "../../supervisor/end/stopkey.ts";
import type { StopKeyResult } from "../../supervisor/end/types.ts";
import { isListedAsFailed, isToStop, keysUnderWay } from "../../supervisor/end/underway.ts";
import { LOCK_TIMEOUT_MS } from "../../supervisor/launch/lock.ts";
import { refuseNested } from "../../supervisor/launch/nested.ts";
import type { Ground } from "../../supervisor/launch/types.ts";
import { announcedStarts } from "../../supervisor/ticket/announced.ts";
import { DtError, EXIT } from "../../sys/base/error.ts";
import { print } from "../../sys/stdio/stdio.ts";
import type { Selection } from "../../values/key.ts";
import { isKeyWord, isOfPlugin, keyParts } from "../../values/key.ts";
import type { DtContext } from "../context/types.ts";
import { usage } from "../context/usage.ts";
import { selectionOf, unknownKeys } from "../names/select.ts";
import { durationFlag } from "../parse/values.ts";
import { defineVerb } from "../parse/verb.ts";
import { awaitAnnounced } from "../stop/announced.ts";
import { worstFailure } from "../stop/failures.ts";
import { sentenceOf } from "../stop/sentences.ts";

export default defineVerb({
  args: {
    all: { type: "boolean", alias: "a", description: "Every launch of this root" },
    timeout: { type: "string", description: "Time before SIGKILL, instead of the manifest's", valueHint: "10s" },
    _: { type: "positional", required: false, description: "Keys, words of one, or a plugin", valueHint: "key …" },
  },
  async run({ args, data }) {
    const context = data as DtContext;
    if (args._.length === 0 && !args.all)
      throw usage(
        "dt stop needs to know what to stop.",
        "dt stop <plugin> <command> [variant], keys, a plugin, or --all",
      );
    if (args._.length > 0 && args.all) throw usage("dt stop takes either names or --all.");
    const runner = context.runner();
    const timeoutMs = durationFlag("--timeout", args.timeout);
    const selection = await selectionOf(context, { words: args._, unchecked: true });
    // For a named key `stopKey` sees to that.
    const loading = selection.is === "keys" ? [] : announcedStarts(runner.ground);
    // Of a plugin or the root, the launches that are there. A named key is reported even if it does not run.
    const keys = withPending(runner.ground, selection).filter(
      (key) => selection.is === "keys" || isToStop(runner.ground, key) || isListedAsFailed(runner.ground, key),
    );
    for (const key of keys) refuseNested(runner, { key, verb: "stop" });
    const sayNothing = () =>
      context.talk.say(
        selection.is === "plugin"
          ? `nothing of ${selection.plugin} runs here`
          : args._.length > 0
            ? "nothing to stop"
            : "nothing runs here",
      );
    if (keys.length === 0 && (loading.length === 0 || context.globals.dryRun)) sayNothing();
    // A plugin or a group needs no question: it was found by what declares it.
    const unknownOf = async (absent: string[]) => (isOneWord(args._) ? null : await unknownKeys(context, absent));
    if (context.globals.dryRun) {
      const unknown = await unknownOf(keys.filter((key) => !isToStop(runner.ground, key)));
      if (unknown !== null) throw unknown.error;
      return showPlan(context, keys);
    }

    const outcomes = await stopAll(context, { keys, selection, loading, timeoutMs });
    const ended = outcomes.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    // Asked only now: living launches are stopped without a look at the manifests.
    const unknown = await unknownOf(ended.flatMap(({ is, key }) => (is === "not-running" ? [key] : [])));
    const results = ended.filter(({ key }) => unknown?.names.includes(key) !== true);
    if (outcomes.length === 0 && loading.length > 0) sayNothing();
    if (unknown !== null) outcomes.push({ status: "rejected", reason: unknown.error });
    await tellResults(context, results);
    const shown = results.map(toJson);
    const failure = worstFailure(outcomes, context.talk);
    // One document either way: with `--json` an error is printed in place of the result, and still holds what was
    // stopped.
    if (failure !== null)
      throw new DtError(failure.code, failure.sentence, {
        ...optionsOf(failure),
        details: { ...failure.details, results: shown },
      });
    if (context.globals.json) print(`${JSON.stringify(shown)}\n`);
    return EXIT.done;
  },
});

interface Stops {
  keys: readonly string[];
  selection: Selection;
  /** Starts whose manifests are still being loaded. */
  loading: readonly string[];
  timeoutMs: number | null;
}

/** All keys at once; then those of starts whose keys are known only later. */
async function stopAll(
  context: DtContext,
  { keys, selection, loading, timeoutMs }: Stops,
): Promise<PromiseSettledResult<StopKeyResult>[]> {
  const runner = context.runner();
  const by = askerOf("user", context.argv);
  const ask = (key: string) =>
    stopKey(runner.ground, {
      key,
      by,
      lockTimeoutMs: LOCK_TIMEOUT_MS,
      timeoutMs,
      report: (event) => tellEvent(runner, event),
    });
  const outcomes = await Promise.allSettled(keys.map(ask));
  const late = (await lateKeys(context, { selection, announced: loading })).filter((key) => !keys.includes(key));
  return [...outcomes, ...(await Promise.allSettled(late.map(ask)))];
}

async function tellResults(context: DtContext, results: readonly StopKeyResult[]): Promise<void> {
  const isAnyAbsent = results.some(({ is }) => is === "not-running");
  const index = isAnyAbsent ? ((await context.peek()) ?? (await context.glance()).index) : null;
  for (const result of results) {
    const isOneshot = result.is === "not-running" && kindOf(index, result.key) === "oneshot";
    context.talk.say(
      isOneshot
        ? `${result.key} is a one-shot, which dt neither lists nor stops: end it where it runs`
        : sentenceOf(result),
    );
  }
}

function isOneWord(words: readonly string[]): boolean {
  return words.length === 1 && !isKeyWord(words[0] as string);
}

/** Also keys that have no files yet, since their first start is under way. */
function withPending(ground: Ground, selection: Selection): string[] {
  const keys = keysOf(ground, selection);
  if (selection.is === "keys") return keys;
  const isMeant = (key: string) => selection.is === "all" || isOfPlugin(key, selection.plugin);
  return [...new Set([...keys, ...keysUnderWay(ground).filter(isMeant)])];
}

/** The keys of starts whose manifests were still being loaded, once they are known. */
async function lateKeys(
  context: DtContext,
  { selection, announced }: { selection: Selection; announced: readonly string[] },
): Promise<string[]> {
  if (announced.length === 0) return [];
  const ground = context.ground();
  await awaitAnnounced(context, announced);
  return withPending(ground, selection).filter((key) => isToStop(ground, key));
}

/** `--dry-run`: prints what would be stopped. */
function showPlan(context: DtContext, keys: readonly string[]): number {
  const ground = context.ground();
  const plan = keys
    .filter((key) => isToStop(ground, key))
    .map((key) => {
      const record = ground.store.record(key);
      return { key, pid: record.is === "there" ? (record.value.leader?.pid ?? null) : null };
    });
  const lines = plan.map(({ key, pid }) => `stop     ${key}${pid === null ? "" : `  pid ${pid}`}`);
  print(context.globals.json ? `${JSON.stringify(plan)}\n` : formatLines(lines));
  return EXIT.done;
}

function kindOf(index: ManifestIndex | null, key: string): string | undefined {
  const { plugin, command } = keyParts(key);
  return index === null ? undefined : commandOf(index.plugins, { plugin, command })?.kind;
}

function toJson(result: StopKeyResult) {
  const { is, ...rest } = result;
  return { ...rest, stopped: is !== "not-running" && is !== "foreign" && is !== "ended", result: is };
}

function optionsOf({ lines, hint, status }: DtError) {
  return { lines, status, ...(hint === undefined ? {} : { hint }) };
}
