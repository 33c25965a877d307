/**
 * `dt down`: stops launches in reverse order of needs, as their records and the manifests as last loaded give it. Runs
 * no plugin code.
 */
import { settingsOf } from "../../manifest/model/find.ts";
import { edgesOf, orderByNeeds } from "../../manifest/model/graph.ts";
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
import { EXIT } from "../../sys/base/error.ts";
import { print } from "../../sys/stdio/stdio.ts";
import type { DtContext } from "../context/types.ts";
import { isThere, type KnownNames, keysOfName, namesOf } from "../names/select.ts";
import { durationFlag } from "../parse/values.ts";
import { defineVerb } from "../parse/verb.ts";
import { awaitAnnounced } from "../stop/announced.ts";
import { worstFailure } from "../stop/failures.ts";
import { sentenceOf } from "../stop/sentences.ts";

export default defineVerb({
  args: {
    timeout: { type: "string", description: "Time before SIGKILL, instead of the manifest's", valueHint: "10s" },
    _: { type: "positional", required: false, description: "Groups, plugins or keys", valueHint: "name …" },
  },
  async run({ args, data }) {
    const context = data as DtContext;
    const { talk, globals } = context;
    const runner = context.runner();
    const { ground } = runner;
    const loading = announcedStarts(ground);
    const { index, named } = await lookUp(context, { ground, words: args._, loading });
    const needs = remembered((key) => needsOf(ground, { index, key }));
    const there = (all: readonly string[]) =>
      orderByNeeds(all, needs)
        .reverse()
        .filter((key) => isToStop(ground, key) || isListedAsFailed(ground, key));
    const keys = there(named);
    for (const key of keys) refuseNested(runner, { key, verb: "stop" });
    if (keys.length === 0 && (loading.length === 0 || globals.dryRun)) talk.say("nothing to stop");
    if (globals.dryRun) {
      print(globals.json ? `${JSON.stringify(keys)}\n` : formatLines(keys.map((key) => `stop     ${key}`)));
      return EXIT.done;
    }
    const by = askerOf("user", context.argv);
    const timeoutMs = durationFlag("--timeout", args.timeout);
    const over = new Map<string, Promise<StopKeyResult>>();
    const stopAll = (all: readonly string[]) => {
      const aboveOf = makeAbove(all, needs);
      for (const key of all) {
        // Launches that need it, directly or not, are stopped first. If one of them survives, the rest are stopped all
        // the same.
        const above = aboveOf(key).map((other) => over.get(other));
        const stop = Promise.allSettled(above).then(() =>
          stopKey(ground, {
            key,
            by,
            lockTimeoutMs: LOCK_TIMEOUT_MS,
            timeoutMs,
            report: (event) => tellEvent(runner, event),
          }),
        );
        stop.then((result) => talk.say(wordsOf(result))).catch(() => {});
        over.set(key, stop);
      }
      return Promise.allSettled(over.values());
    };
    await stopAll(keys);
    if (loading.length > 0) {
      await awaitAnnounced(context, loading);
      const late = (await lookUp(context, { ground, words: args._, loading: [] })).named.filter(
        (key) => !over.has(key),
      );
      await stopAll(there(late));
      if (over.size === 0) talk.say("nothing to stop");
    }
    const ends = await Promise.allSettled(over.values());
    const results = ends.flatMap((one) =>
      one.status === "fulfilled" ? [{ key: one.value.key, stopped: isStopped(one.value) }] : [],
    );
    const failure = worstFailure(ends, talk);
    if (failure !== null) throw failure;
    if (globals.json) print(`${JSON.stringify(results)}\n`);
    return EXIT.done;
  },
});

function isStopped({ is }: StopKeyResult): boolean {
  return is === "stopped" || is === "found-unrecorded" || is === "called-off" || is === "left-ended";
}

/**
 * A launch that was stopped gets a short sentence, since there may be many; any other result is worded as in `dt stop`.
 */
function wordsOf(result: StopKeyResult): string {
  return result.is === "stopped" || result.is === "found-unrecorded" ? `${result.key} stopped` : sentenceOf(result);
}

/** Also keys that have no files yet, since their first start is under way. */
function keysThere(ground: Ground): string[] {
  return [...new Set([...ground.store.keys(), ...keysUnderWay(ground)])];
}

/**
 * Looks names up in the manifests as last loaded, if those and the files on disk know them all; else in the manifests
 * as far as they can be read now.
 */
async function lookUp(
  context: DtContext,
  { ground, words, loading }: { ground: Ground; words: readonly string[]; loading: readonly string[] },
): Promise<{ index: ManifestIndex; named: string[] }> {
  const at = {
    root: context.root(),
    get onDisk() {
      return keysThere(ground);
    },
  };
  const index: ManifestIndex = (await context.peek()) ?? { plugins: {}, failures: [], unread: [] };
  if (words.length === 0) return { index, named: at.onDisk };
  const last = { root: at.root, onDisk: at.onDisk, index };
  const names = namesOf(last, words);
  if (names.every((name) => isThere(last, name))) return { index, named: keysOf(last, names) };
  // A name that is not there may be in a manifest that is being loaded.
  await awaitAnnounced(context, loading);
  const { findUnknown, placesOf } = await import("../names/named.ts");
  const places = { ...(await placesOf(context)), onDisk: at.onDisk };
  const now = namesOf(places, words);
  const absent = now.filter((name) => !isThere(places, name));
  const unknown = findUnknown(context, { places, names: absent });
  if (unknown !== null) throw unknown.error;
  return {
    index: places.index,
    named: keysOf(
      places,
      now.filter((name) => !absent.includes(name)),
    ),
  };
}

function keysOf(named: KnownNames, names: readonly string[]): string[] {
  return [...new Set(names.flatMap((name) => keysOfName(named, name)))];
}

function needsOf({ store }: Ground, { index: { plugins }, key }: { index: ManifestIndex; key: string }): string[] {
  const record = store.record(key);
  const recorded = record.is === "there" ? (record.value.needs ?? []) : [];
  const settings = settingsOf(plugins, key);
  return [...recorded, ...(settings === undefined ? [] : edgesOf(plugins, settings).map((edge) => edge.key))];
}

/** Each key is asked for once: its record is read for the answer. */
function remembered(needsOf: (key: string) => string[]): (key: string) => string[] {
  const known = new Map<string, string[]>();
  return (key) => {
    const needs = known.get(key) ?? needsOf(key);
    known.set(key, needs);
    return needs;
  };
}

/** Which of these keys need a key, directly or not. */
function makeAbove(all: readonly string[], needs: (key: string) => string[]): (key: string) => string[] {
  const needers = new Map<string, string[]>();
  for (const key of everyFrom(all, needs))
    for (const need of needs(key)) needers.set(need, [...(needers.get(need) ?? []), key]);
  const isMeant = new Set(all);
  return (key) =>
    [...everyFrom([key], (one) => needers.get(one) ?? [])].filter((other) => other !== key && isMeant.has(other));
}

/** These keys and all that the steps lead to from them. */
function everyFrom(keys: readonly string[], step: (key: string) => readonly string[]): Set<string> {
  const found = new Set(keys);
  for (const key of found) for (const next of step(key)) found.add(next);
  return found;
}
