/** The first sentences about a key, by its state. A table, so that no state goes without its own. Pure. */
import type { ExitRecord, KeyState, LaunchRecord } from "../../state/types.ts";
import { describeStatus } from "../../supervisor/launch/exit.ts";
import { formatDuration } from "../../values/duration.ts";
import type { Declared, KeyFacts } from "./facts.ts";
import { meaningOf } from "./meaning.ts";
import {
  byWhom,
  endSentence,
  forHowLong,
  ordinal,
  span,
  startCommand,
  times,
  upper,
  when,
  whoHosts,
} from "./phrases.ts";

export const HEADLINES: Record<KeyState, (facts: KeyFacts) => string[]> = {
  starting: (facts) => {
    const { key, record, pid } = facts;
    if (record === null || pid === null) {
      return [`${key} is being started by ${whoHosts(record)}; its command does not run yet.`];
    }
    return [`${key} is starting: it runs as pid ${pid}${forHowLong(facts)}, and is not ready yet.`, waiting(record)];
  },
  running: (facts) => {
    const { key, record, pid } = facts;
    const runs = `${key} runs${pid === null ? "" : ` as pid ${pid}`}${forHowLong(facts)}.`;
    if (record === null) return [`${runs} It was found by its environment, since its record cannot be read.`];
    if (facts.leader === "unknown") return [runs.replace(" runs", " was running when its record was written,")];
    if (record.leader === null)
      return [runs, "Its start was cut off before the process was written down; the process was found by its token."];
    return record.probed
      ? [runs, "Whether it is ready is not known: its host, which asked, is gone."]
      : [runs, "Its manifest declares no `ready`, so dt cannot say more than that it runs."];
  },
  ready: (facts) => [`${facts.key} is ready: it runs as pid ${facts.pid}${forHowLong(facts)}${readySince(facts)}.`],
  unhealthy: (facts) => {
    const ready = facts.history?.ready;
    const why = ready?.is === "unhealthy" ? ready.why : "it was not ready in time";
    const lost = ready?.is === "unhealthy" && ready.lost === true;
    const again = facts.record?.probed === false ? "running" : "ready";
    const on =
      facts.host !== "alive"
        ? null
        : lost
          ? `It is asked on, and shown as ${again} as soon as it holds.`
          : "It is asked again every second, and shown as ready as soon as it is.";
    return [
      `${facts.key} is unhealthy: it runs as pid ${facts.pid}${forHowLong(facts)}, but ${lost ? `has failed since ${when(facts, ready.at)}` : "was not ready in time"}.`,
      `The reason: ${why}.`,
      ...(on === null ? [] : [on]),
    ];
  },
  stopping: (facts) => {
    const { key, record, lock } = facts;
    const stopping = record?.stopping ?? null;
    const begun = stopping === null ? "" : ` since ${when(facts, stopping.at)}, ${byWhom(stopping.by)}`;
    const worked = facts.host === "alive" || lock?.presence === "alive";
    if (record !== null && record.phase === "running") {
      const exited = facts.history?.exited ?? null;
      return [
        `${key} has ended by itself${exited === null ? "" : ` with ${describeStatus(exited)}`}, and its leftovers are being ended.`,
        "Then its policy decides whether it is started again.",
      ];
    }
    return [
      `${key} is being stopped${begun}.`,
      worked
        ? `It has ${formatDuration(record?.stop.timeoutMs ?? 0)} from ${record?.stop.signal ?? "the signal"} to SIGKILL.`
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
      `${key} does not run, but waits to be started again: it ${because}.`,
      `Its policy starts it ${next}${row}. \`dt restart ${key}\` does not wait, \`dt stop ${key}\` forgets it.`,
      ...meaningSentences(exit),
    ];
  },
  stopped: (facts) => {
    const { key, exit, record } = facts;
    if (record !== null && record.stopping !== null) {
      return [
        `${key} does not run: it was stopped ${when(facts, record.stopping.at)}, ${byWhom(record.stopping.by)}.`,
        "That stop was cut off before it could be written down; the next start or stop does that.",
      ];
    }
    if (exit === null) return [`${key} does not run.`];
    const { dismissed } = exit;
    const since =
      dismissed === undefined
        ? []
        : [`It was taken off the list ${when(facts, dismissed.at)}, ${byWhom(dismissed.by)}.`];
    return [`${key} does not run: ${endSentence(facts, exit)}`, ...since];
  },
  exited: (facts) => endedByItself(facts),
  foreign: ({ key, unreadable, pid }) => [
    `${key} is foreign: ${unreadable[0]?.reason ?? "its files are not this user's"}. Nothing in its files is believed.`,
    pid === null
      ? `No process of it was found. The files may have come with a clone, a copy of the folder, an earlier dt, or one of another user (sudo too, whose processes are not seen from here) or machine. \`${startCommand(key)}\` sets them aside.`
      : `Process ${pid} says in its environment that it is of this key and folder: \`dt stop ${key}\` ends it.`,
  ],
  failed: (facts) => {
    const { key, exit, record, host } = facts;
    if (record === null && exit === null && facts.unreadable.length > 0) {
      return facts.unreadable.some(({ file }) => file.endsWith(`${key}.meta.json`))
        ? [`${key} is not known to run: its record cannot be read, and no process of it was found.`]
        : [`${key} does not run; how it ended last cannot be read.`];
    }
    if (record?.phase === "backoff") {
      return [
        `${key} does not run: it ${record.backoff?.because ?? exit?.text ?? "ended"}.`,
        `Its policy would have started it again, but ${whoHosts(record)} is gone, so nobody does. \`${startCommand(record.key)}\` starts it.`,
        ...meaningSentences(exit),
      ];
    }
    if (record !== null && record.leader === null && host === "gone")
      return [
        `${key} does not run: its start was cut off. ${upper(whoHosts(record))} ended before it could start the command${facts.earlierBoot ? ", and the machine was started anew since" : ""}.`,
        `The next start or stop clears what it left.`,
      ];
    if (record === null && exit?.reason === "start-failed") {
      const hint = exit.error?.hint;
      return [
        `${key} does not run: it ${exit.text.replace(/\.$/, "")}.`,
        `That was ${when(facts, exit.at)}${exit.by === null ? "" : `, ${byWhom(exit.by)}`}.`,
        ...(hint === undefined || hint === null ? [] : [hint]),
      ];
    }
    return endedByItself(facts);
  },
};

function endedByItself(facts: KeyFacts): string[] {
  const { key, exit, record, history, declared } = facts;
  const policy = policySentence(declared, exit, record);
  if (record === null) {
    return exit === null
      ? [`${key} does not run.`]
      : [`${key} does not run: ${endSentence(facts, exit)}`, ...meaningSentences(exit), ...policy];
  }
  const exited = history?.exited ?? null;
  if (facts.earlierBoot) {
    return [
      `${key} does not run: the machine was started anew since it was started ${when(facts, record.startedAt)}, and that ended it.`,
      `Nothing starts it by itself. \`${startCommand(key)}\` does.`,
    ];
  }
  if (exited === null) {
    return [
      `${key} does not run: it ended while its host was gone, so nobody saw when or how.`,
      "The last lines of its log may tell. The next start or stop clears what it left.",
    ];
  }
  const meaning = meaningOf(exited);
  return [
    `${key} does not run: it ended by itself with ${describeStatus(exited)} ${when(facts, exited.at)}, after ${formatDuration(span(record.startedAt, exited.at))}.`,
    ...(meaning === null ? [] : [meaning]),
    "Its host ended before it could write that down; the next start or stop does.",
  ];
}

/** Only for an end that nobody asked dt for: what dt itself sends needs no explanation. */
function meaningSentences(exit: ExitRecord | null): string[] {
  if (exit === null || exit.by !== null || (exit.reason !== "failed" && exit.reason !== "exited")) return [];
  const meaning = meaningOf(exit);
  return meaning === null ? [] : [meaning];
}

function policySentence(declared: Declared, exit: ExitRecord | null, record: LaunchRecord | null): string[] {
  if (record !== null || exit === null) return [];
  if (exit.gaveUpAfter !== undefined) {
    const within = exit.gaveUpWithinMs === undefined ? "" : ` within ${formatDuration(exit.gaveUpWithinMs)}`;
    return [
      `Its policy has given up: it started it again ${times(exit.gaveUpAfter)}${within}. \`${startCommand(exit.key)}\` tries again.`,
    ];
  }
  if (declared.is === "failed") return [`Its plugin cannot be loaded now. ${declared.message}`];
  if (declared.is === "absent") return ["No manifest declares this command any more."];
  if (declared.is !== "managed") return [];
  if (declared.restart.policy === "no")
    return [`It is not started again by itself: its manifest says \`restart: "no"\`, or nothing.`];
  return exit.reason === "unknown"
    ? ["It was not started again: nobody was there to see it end."]
    : declared.restart.policy === "on-failure" && exit.reason === "exited"
      ? ['It is not started again: `restart: "on-failure"` does that after a failure only.']
      : [];
}

function waiting(record: LaunchRecord): string {
  const what = record.waitsFor ?? [];
  return what.length === 0 ? "It is still probed." : `It waits for ${what.join(", and for ")}.`;
}

function readySince({ history, record }: KeyFacts): string {
  const ready = history?.ready;
  if (ready?.is !== "ready" || record === null) return "";
  return `; it was ready ${formatDuration(span(record.startedAt, ready.at))} after its start`;
}
