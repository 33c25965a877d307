/** The first sentences about a key, by its state: a table, so that no state can be forgotten. Pure. */
import type { ExitRecord, KeyState, LaunchRecord } from "../../state/types.ts";
import { describeStatus } from "../../supervisor/launch/exit.ts";
import { formatDuration } from "../../values/duration.ts";
import type { Declaration, KeyFacts } from "./facts.ts";
import { meaningOf } from "./meaning.ts";
import { byWhom, endSentence, forHowLong, ordinal, span, startCommand, upper, when, whoHosts } from "./phrases.ts";

export const HEADLINES: Record<KeyState, (facts: KeyFacts) => string[]> = {
  starting: (facts) => {
    const { key, record, pid } = facts;
    if (record === null || pid === null) {
      return [`${key} is being started by ${whoHosts(record)}; its command is not running yet.`];
    }
    return [
      `${key} is starting: it has been running as pid ${pid}${forHowLong(facts)}, but is not ready yet.`,
      waiting(record),
    ];
  },
  running: (facts) => {
    const { key, record, pid } = facts;
    const asPid = pid === null ? "" : ` as pid ${pid}`;
    const runs = `${key} has been running${asPid}${forHowLong(facts)}.`;
    if (record === null)
      return [`${key} is running${asPid}. It was found by its environment, since its record cannot be read.`];
    if (facts.leader === "unknown")
      return [runs.replace(" has been running", " was running when its record was written,")];
    if (record.leader === null)
      return [runs, "Its start was cut off before the process was recorded; the process was found by its token."];
    return record.probed
      ? [runs, "Whether it is ready is unknown: its host, which probed it, is gone."]
      : [runs, "Its manifest declares no `ready`, so dt can only say that it is running."];
  },
  ready: (facts) => [
    `${facts.key} is ready: it has been running as pid ${facts.pid}${forHowLong(facts)}${readySince(facts)}.`,
  ],
  unhealthy: (facts) => {
    const ready = facts.history?.ready;
    const why = ready?.is === "unhealthy" ? ready.why : "it was not ready in time";
    const lost = ready?.is === "unhealthy" && ready.lost === true;
    const again = facts.record?.probed === false ? "running" : "ready";
    const on =
      facts.host !== "alive"
        ? null
        : lost
          ? `Its probe keeps running, and it is shown as ${again} as soon as the probe succeeds.`
          : "It is probed again every second, and shown as ready as soon as the probe succeeds.";
    return [
      `${facts.key} is unhealthy: it has been running as pid ${facts.pid}${forHowLong(facts)}, but ${lost ? `failed its probe ${when(facts, ready.at)}` : "was not ready in time"}.`,
      `The reason: ${why}.`,
      ...(on === null ? [] : [on]),
    ];
  },
  stopping: (facts) => {
    const { key, record, lock } = facts;
    const stopping = record?.stopping ?? null;
    const begun = stopping === null ? "" : `, asked for ${when(facts, stopping.at)}, ${byWhom(stopping.by)}`;
    const worked = facts.host === "alive" || lock?.presence === "alive";
    if (record !== null && record.phase === "running") {
      const exited = facts.history?.exited ?? null;
      return [
        `${key} has ended by itself${exited === null ? "" : ` with ${describeStatus(exited)}`}, and what it left is being stopped.`,
        "Then its policy decides whether it is restarted.",
      ];
    }
    return [
      `${key} is being stopped${begun}.`,
      worked
        ? `It gets SIGKILL ${formatDuration(record?.stop.timeoutMs ?? 0)} after ${record?.stop.signal ?? "the signal"}.`
        : `That stop was cut off: the next start or stop finishes it (dt stop ${key}).`,
    ];
  },
  backoff: (facts) => {
    const { key, record, now, exit } = facts;
    const backoff = record?.backoff;
    const because = backoff?.because ?? exit?.text ?? "ended";
    const next =
      backoff === undefined
        ? "soon"
        : `in ${formatDuration(Math.max(0, Date.parse(backoff.nextAt) - now))} (at ${backoff.nextAt})`;
    const row = backoff === undefined ? "" : `, for the ${ordinal(backoff.inRow)} time in a row`;
    return [
      `${key} is not running, but waiting to be restarted: it ${because}.`,
      `Its policy restarts it ${next}${row}. \`dt restart ${key}\` restarts it now, \`dt stop ${key}\` calls the restart off.`,
      ...meaningSentences(exit),
    ];
  },
  stopped: (facts) => {
    const { key, exit, record } = facts;
    if (record !== null && record.stopping !== null) {
      return [
        `${key} is not running: it was stopped ${when(facts, record.stopping.at)}, ${byWhom(record.stopping.by)}.`,
        "That stop was cut off before it was recorded; the next start or stop records it.",
      ];
    }
    if (exit === null) return [`${key} is not running.`];
    const { dismissed } = exit;
    const since =
      dismissed === undefined
        ? []
        : [`It was taken off the list ${when(facts, dismissed.at)}, ${byWhom(dismissed.by)}.`];
    return [`${key} is not running: ${endSentence(facts, exit)}`, ...since];
  },
  exited: (facts) => endedByItself(facts),
  foreign: ({ key, unreadable, pid }) => [
    `${key} is foreign: ${unreadable[0]?.reason ?? "its files are not this user's"}; dt ignores it.`,
    pid === null
      ? `No process of it was found. The files may come from a clone, a copy of the folder, an earlier dt, another machine or another user (sudo included), whose processes dt cannot see from here. \`${startCommand(key)}\` sets them aside.`
      : `Process ${pid} says in its environment that it belongs to this key and folder: \`dt stop ${key}\` ends it.`,
  ],
  failed: (facts) => {
    const { key, exit, record, host } = facts;
    if (record === null && exit === null && facts.unreadable.length > 0) {
      return facts.unreadable.some(({ file }) => file.endsWith(`${key}.meta.json`))
        ? [`${key} is not known to be running: its record cannot be read, and no process of it was found.`]
        : [`${key} is not running; how it last ended cannot be read.`];
    }
    if (record?.phase === "backoff") {
      return [
        `${key} is not running: it ${record.backoff?.because ?? exit?.text ?? "ended"}.`,
        `Its policy would have restarted it, but ${whoHosts(record)} is gone. \`${startCommand(record.key)}\` starts it.`,
        ...meaningSentences(exit),
      ];
    }
    if (record !== null && record.leader === null && host === "gone")
      return [
        `${key} is not running: its start was cut off. ${upper(whoHosts(record))} ended before it could start the command${facts.earlierBoot ? ", and the machine has been rebooted since" : ""}.`,
        `The next start or stop clears what it left.`,
      ];
    if (record === null && exit?.reason === "start-failed") {
      const hint = exit.error?.hint;
      return [
        `${key} is not running: it ${exit.text.replace(/\.$/, "")}.`,
        `That was ${when(facts, exit.at)}${exit.by === null ? "" : `, ${byWhom(exit.by)}`}.`,
        ...(hint === undefined || hint === null ? [] : [hint]),
      ];
    }
    return endedByItself(facts);
  },
};

function endedByItself(facts: KeyFacts): string[] {
  const { key, exit, record, history, declared } = facts;
  const policy = policySentence(declared, { exit, record });
  if (record === null) {
    return exit === null
      ? [`${key} is not running.`]
      : [`${key} is not running: ${endSentence(facts, exit)}`, ...meaningSentences(exit), ...policy];
  }
  const exited = history?.exited ?? null;
  if (facts.earlierBoot) {
    return [
      `${key} is not running: it was started ${when(facts, record.startedAt)}, and a reboot of the machine has ended it since.`,
      `It does not restart by itself. \`${startCommand(key)}\` starts it.`,
    ];
  }
  if (exited === null) {
    return [
      `${key} is not running: it ended while its host was gone, so when and how it ended is unknown.`,
      "The last lines of its log may say. The next start or stop clears what it left.",
    ];
  }
  const meaning = meaningOf(exited);
  return [
    `${key} is not running: it ended by itself with ${describeStatus(exited)} after ${formatDuration(span(record.startedAt, exited.at))}, ${when(facts, exited.at)}.`,
    ...(meaning === null ? [] : [meaning]),
    "Its host ended before it could record that; the next start or stop does.",
  ];
}

/** Only for an end that dt was not asked for: a signal that dt itself sends needs no explanation. */
function meaningSentences(exit: ExitRecord | null): string[] {
  if (exit === null || exit.by !== null || (exit.reason !== "failed" && exit.reason !== "exited")) return [];
  const meaning = meaningOf(exit);
  return meaning === null ? [] : [meaning];
}

function policySentence(
  declared: Declaration,
  { exit, record }: { exit: ExitRecord | null; record: LaunchRecord | null },
): string[] {
  if (record !== null || exit === null) return [];
  if (exit.gaveUpAfter !== undefined) {
    const restarts = exit.gaveUpAfter === 1 ? "one restart" : `${exit.gaveUpAfter} restarts`;
    const within = exit.gaveUpWithinMs === undefined ? "" : ` within ${formatDuration(exit.gaveUpWithinMs)}`;
    return [`Its policy has given up after ${restarts}${within}. \`${startCommand(exit.key)}\` tries again.`];
  }
  if (declared.is === "failed") return [`Its plugin cannot be loaded now. ${declared.message}`];
  if (declared.is === "absent") return ["No manifest declares this command any longer."];
  if (declared.is !== "managed") return [];
  if (declared.restart.policy === "no")
    return [`It is not restarted: its manifest says \`restart: "no"\`, or nothing.`];
  return exit.reason === "unknown"
    ? ["It was not restarted: its host was not there to see it end."]
    : declared.restart.policy === "on-failure" && exit.reason === "exited"
      ? ['It is not restarted: `restart: "on-failure"` does that only after a failure.']
      : [];
}

function waiting(record: LaunchRecord): string {
  const what = record.waitsFor ?? [];
  return what.length === 0 ? "It is still being probed." : `It waits for ${what.join(", and for ")}.`;
}

function readySince({ history, record }: KeyFacts): string {
  const ready = history?.ready;
  if (ready?.is !== "ready" || record === null) return "";
  return `; it was ready ${formatDuration(span(record.startedAt, ready.at))} after its start`;
}
