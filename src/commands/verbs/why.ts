/**
 * `dt why`: explains from what is on disk why a key runs, does not run, waits or was stopped. Exit 3 when nothing is
 * known of a key that may be declared.
 */

import { beginLook, keysOf, lookAt } from "../../inspect/look.ts";
import { describeServices, withServices } from "../../inspect/services.ts";
import { explainKey, isKnown } from "../../inspect/why/explain.ts";
import { gatherFacts, type KeyFacts } from "../../inspect/why/facts.ts";
import { meaningOf } from "../../inspect/why/meaning.ts";
import type { ManifestIndex } from "../../manifest/model/resolved.ts";
import { quoteLine } from "../../output/quoted.ts";
import { makePaint, type Paint } from "../../output/talk.ts";
import type { DriftField } from "../../supervisor/prepare/drift.ts";
import { EXIT } from "../../sys/base/error.ts";
import { print } from "../../sys/stdio/stdio.ts";
import { oneLine } from "../../sys/text/visible.ts";
import type { DtContext } from "../context/types.ts";
import { selectionOf } from "../parse/select.ts";
import { defineVerb } from "../parse/verb.ts";

export default defineVerb({
  args: {
    _: { type: "positional", required: false, description: "Keys, words of one, or a plugin", valueHint: "key …" },
  },
  async run({ args, data }) {
    const context = data as DtContext;
    const { ground } = context.runner(context.isStranger());
    const selection = await selectionOf(context, args._);
    const look = beginLook(ground, () => null);
    const keys = keysOf(ground, selection);
    const gather = (index: ManifestIndex | null) =>
      Promise.all(
        keys.map(async (key): Promise<KeyFacts> => {
          const seen = lookAt(look, key);
          const containers = seen === null ? null : describeServices((await withServices(ground, [seen]))[0]);
          return { ...gatherFacts(ground, key, seen, index), ...(containers === null ? {} : { containers }) };
        }),
      );
    const last = await gather(await context.peek());
    // A key that left nothing on disk may be declared by a manifest that was not loaded yet.
    const all = last.every(isKnown) ? last : await gather((await context.glance()).index);
    const known = all.filter(isKnown);
    const unknown = all.filter((facts) => !isKnown(facts)).map((facts) => `nothing is known of ${facts.key} here`);
    if (selection.is === "plugin" && keys.length === 0) unknown.push(`nothing of ${selection.plugin} has run here`);

    const single = selection.is === "keys" && all.length === 1;
    const { json, verbose, color } = context.globals;
    if (json) {
      const shown = known.map((facts) => toJson(facts, verbose));
      print(`${JSON.stringify(single ? shown[0] : shown)}\n`);
    } else {
      const colored = context.colored();
      const paint = makePaint(colored);
      const texts = known.map((facts) => format(facts, paint, { verbose, colored: color ?? colored }));
      if (texts.length > 0 || unknown.length === 0)
        print(texts.length === 0 ? "Nothing has run here.\n" : texts.join("\n"));
    }
    for (const text of unknown) context.talk.warn(text);
    return unknown.length === 0 ? EXIT.done : EXIT.notRunning;
  },
});

/** What `dt why --json` prints for one key. */
export interface WhyReport {
  key: string;
  state: KeyFacts["state"];
  pid: number | null;
  /** The sentences that are shown without `--json`. */
  why: string[];
  startedAt: string | null;
  startedBy: { by: string; pid: number; command: string } | null;
  restarts: number;
  host: { pid: number; presence: KeyFacts["host"]; detached: boolean } | null;
  ready: { is: "waiting" | "ready" | "unhealthy"; at: string | null; why: string | null; waitsFor: string[] } | null;
  backoff: { because: string; nextAt: string; inRow: number } | null;
  stopping: LaunchStopping;
  want: { want: "run" | "stopped"; at: string; by: { by: string; pid: number; command: string } } | null;
  exit: ExitReport | null;
  /** Null when it is not known, empty when nothing differs. */
  drift: DriftReport[] | null;
  lock: {
    pid: number | null;
    command: string | null;
    doing: string | null;
    since: string | null;
    backend: string | null;
    presence: string;
  } | null;
  log: { path: string; is: KeyFacts["log"]["is"]; freeBytes: number | null };
  unreadable: { file: string; reason: string }[];
  /** From the last exit; while a launch runs, from its log. */
  lastLines: string[];
}

type LaunchStopping = { by: { by: string; pid: number; command: string }; at: string } | null;
type ExitReport = Pick<
  NonNullable<KeyFacts["exit"]>,
  "code" | "signal" | "at" | "startedAt" | "uptimeMs" | "restarts" | "reason" | "text" | "by"
> & {
  meaning: string | null;
  error: { code: string; message: string; hint: string | null } | null;
  gaveUpAfter: number | null;
};
type DriftReport =
  | Exclude<DriftField, { field: "env" }>
  | { field: "env"; name: string; change: "added" | "removed" | "changed"; was?: string | null; now?: string | null };

export function toJson(facts: KeyFacts, verbose: boolean): WhyReport {
  const { record, history, exit, want, lock, log } = facts;
  const ready = record?.probed === true ? (history?.ready ?? { is: "waiting" as const }) : null;
  return {
    key: facts.key,
    state: facts.state,
    pid: facts.pid,
    why: explainKey(facts),
    startedAt: record?.startedAt ?? exit?.startedAt ?? null,
    startedBy: record?.startedBy ?? null,
    restarts: record?.restarts ?? exit?.restarts ?? 0,
    host: record === null ? null : { pid: record.host.pid, presence: facts.host, detached: record.detached },
    ready:
      ready === null
        ? null
        : {
            is: ready.is,
            at: ready.is === "waiting" ? null : ready.at,
            why: ready.is === "unhealthy" ? ready.why : null,
            waitsFor: record?.waitsFor ?? [],
          },
    backoff: record?.phase === "backoff" ? (record.backoff ?? null) : null,
    stopping: record?.stopping ?? null,
    want: want === null ? null : { want: want.want, at: want.at, by: want.by },
    exit:
      exit === null
        ? null
        : {
            code: exit.code,
            signal: exit.signal,
            at: exit.at,
            startedAt: exit.startedAt,
            uptimeMs: exit.uptimeMs,
            restarts: exit.restarts,
            reason: exit.reason,
            text: exit.text,
            by: exit.by,
            meaning: meaningOf(exit),
            error: exit.error ?? null,
            gaveUpAfter: exit.gaveUpAfter ?? null,
          },
    drift: facts.drift?.map((field) => driftJson(field, verbose)) ?? null,
    lock:
      lock === null
        ? null
        : {
            pid: lock.holder?.holder.pid ?? null,
            command: lock.holder?.command ?? null,
            doing: lock.holder?.doing ?? null,
            since: lock.holder?.since ?? null,
            backend: lock.holder?.backend ?? null,
            presence: lock.presence,
          },
    log: { path: log.path, is: log.is, freeBytes: log.freeBytes },
    unreadable: facts.unreadable,
    lastLines: linesOf(facts).map((line) => Bun.stripANSI(line)),
  };
}

/** Values of variables may be secret, so they are shown only with `--verbose`. */
function driftJson(field: DriftField, verbose: boolean): DriftReport {
  if (field.field !== "env") return field;
  const { name, was, now } = field;
  const change = was === undefined ? "added" : now === undefined ? "removed" : "changed";
  if (!verbose) return { field: "env", name, change };
  return {
    field: "env",
    name,
    change,
    ...(was === undefined ? {} : { was }),
    ...(now === undefined ? {} : { now }),
  };
}

function linesOf({ exit, log, record }: KeyFacts): string[] {
  return record !== null && record.phase !== "backoff" ? log.lines : (exit?.lastLines ?? []);
}

function format(facts: KeyFacts, paint: Paint, { verbose, colored }: { verbose: boolean; colored: boolean }): string {
  const [first = "", ...rest] = explainKey(facts);
  const values = (facts.drift ?? []).flatMap((field) =>
    field.field === "env" && verbose
      ? [`    ${field.name}: ${JSON.stringify(field.was ?? null)} is now ${JSON.stringify(field.now ?? null)}`]
      : [],
  );
  const lines = linesOf(facts).map((line) => `    ${quoteLine(line.replaceAll("\n", " "), colored)}`);
  return [
    ...[paint.bold(first), ...rest.map((sentence) => `  ${sentence}`), ...values].map(oneLine),
    ...(lines.length === 0
      ? []
      : ["", `  ${paint.dim(lines.length === 1 ? "Its last line:" : `Its last ${lines.length} lines:`)}`, ...lines]),
  ]
    .map((line) => `${line}\n`)
    .join("");
}
