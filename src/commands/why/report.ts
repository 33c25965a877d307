/** `dt why --json`: the facts of one key as a document. */
import { explainKey } from "../../inspect/why/explain.ts";
import type { KeyFacts } from "../../inspect/why/facts.ts";
import { meaningOf } from "../../inspect/why/meaning.ts";
import type { DriftField } from "../../supervisor/prepare/drift.ts";

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

export function whyReportOf(facts: KeyFacts, verbose: boolean): WhyReport {
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
    lastLines: lastLinesOf(facts).map((line) => Bun.stripANSI(line)),
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

/** The last lines of a running launch's log, else those of its last exit. */
export function lastLinesOf({ exit, log, record }: KeyFacts): string[] {
  return record !== null && record.phase !== "backoff" ? log.lines : (exit?.lastLines ?? []);
}
