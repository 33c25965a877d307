/** Why a key runs, does not run, waits or was stopped: facts in, plain sentences out, the most telling first. Pure. */

import type { Asker, ExitRecord, KeyState, LaunchRecord } from "../../state/types.ts";
import { describeStatus } from "../../supervisor/launch/exit.ts";
import type { DriftField } from "../../supervisor/prepare/drift.ts";
import { showCommand } from "../../values/commandline.ts";
import { formatDuration } from "../../values/duration.ts";
import type { Declared, KeyFacts } from "./facts.ts";
import { meaningOf } from "./meaning.ts";

/** Below this a file system is as good as full: no whole page of output fits any more. */
const FULL_BYTES = 64 * 1024;

export function explainKey(facts: KeyFacts): string[] {
  return [
    ...(facts.state === null ? explainUnknown(facts) : HEADLINES[facts.state](facts)),
    ...explainPending(facts),
    ...(facts.containers === undefined ? [] : [`Its containers: ${facts.containers}.`]),
    ...explainOrigin(facts),
    ...explainRunner(facts),
    ...explainHost(facts),
    ...explainWatch(facts),
    ...explainEarlierRun(facts),
    ...explainWant(facts),
    ...explainDrift(facts),
    ...explainLock(facts),
    ...explainLog(facts),
    ...(facts.state === "foreign" ? [] : facts.unreadable).map(
      ({ file, reason }) =>
        `${file} cannot be read (${reason}). The next start or stop keeps it as *.corrupt, and searches for what it stood for.`,
    ),
  ];
}

/** Whether anything at all can be said of the key. */
export function isKnown({ state, exit, want, lock, unreadable, declared, pending }: KeyFacts): boolean {
  const named = declared.is === "managed" || declared.is === "oneshot" || declared.is === "failed";
  return (
    pending !== undefined ||
    state !== null ||
    exit !== null ||
    want !== null ||
    lock !== null ||
    unreadable.length > 0 ||
    named
  );
}

const HEADLINES: Record<KeyState, (facts: KeyFacts) => string[]> = {
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

/** Of what is not launched yet. */
function explainPending({ key, pending = [] }: KeyFacts): string[] {
  return pending.map(
    (by) =>
      `A start of it is under way, asked for ${byWhom(by)}: it waits for what it needs, for its \`before\`, for its turn or for the lock. \`dt stop ${key}\` calls it off.`,
  );
}

function explainUnknown({ key, declared, unreadable, log }: KeyFacts): string[] {
  if (unreadable.length > 0) return [`${key} does not run; how it ended last cannot be read.`];
  switch (declared.is) {
    case "managed":
      return [`${key} has never run here. \`${startCommand(key)}\` starts it.`];
    case "oneshot":
      if (log.is === "there")
        return [
          `${key} is a one-shot, and ${log.path} holds the output of its last captured run, but no end of it was written down: it goes on, or its dt was killed.`,
        ];
      return [
        `${key} is a one-shot: dt becomes the command, so nothing of it is kept on disk and there is nothing to explain. \`dt --capture …\` keeps it.`,
      ];
    case "failed":
      return [`${key} cannot be started: its plugin could not be loaded. ${declared.message}`];
    default:
      return [`${key} does not run.`];
  }
}

/** Who started what runs now. */
function explainOrigin(facts: KeyFacts): string[] {
  const { record, state } = facts;
  if (record === null || state === "failed" || state === "stopped" || state === "exited") return [];
  const again = record.restarts === 0 ? "" : ` It has been restarted ${times(record.restarts)}.`;
  return [`It was started ${when(facts, record.startedAt)}, ${byWhom(record.startedBy)}.${again}`];
}

/** Who ran a captured one-shot. */
function explainRunner(facts: KeyFacts): string[] {
  const by = facts.record === null ? facts.exit?.startedBy : undefined;
  return by === undefined ? [] : [`It was run ${byWhom(by)}.`];
}

function explainHost(facts: KeyFacts): string[] {
  const { record, host, leader, key } = facts;
  if (record === null) return [];
  if (host === "unknown" || leader === "unknown") {
    return [
      `It was started in another pid namespace (${record.host.pidNamespace}; a container on this directory?), where its numbers mean something else: whether it runs cannot be told from here, and nothing here signals it.`,
    ];
  }
  if (leader !== "alive") return [];
  if (host === "alive")
    return [`Its host is pid ${record.host.pid}, ${record.detached ? "detached" : "in a terminal"}.`];
  return [
    `Its host (pid ${record.host.pid}) is gone: it runs on, but nobody starts it again, keeps its log small or will see how it ends. \`dt restart ${key}\` gives it a new one.`,
  ];
}

/** What its host watches for it. */
function explainWatch({ history, host, leader, now }: KeyFacts): string[] {
  const watch = history?.watch;
  if (watch === undefined || leader !== "alive") return [];
  if (host !== "alive") return [`Nobody watches ${watch.paths.join(", ")} any more: its host did.`];
  const held =
    watch.held === undefined ? [] : [`${watch.held.why} (${formatDuration(now - Date.parse(watch.held.at))} ago).`];
  const trouble = watch.trouble === undefined ? [] : [`Of the watching: ${watch.trouble}.`];
  const { unmatched = [] } = watch;
  const names = unmatched.map((one) => JSON.stringify(one)).join(", ");
  const nothing =
    unmatched.length === 0 ? [] : [`Of these ${names} ${unmatched.length === 1 ? "matches" : "match"} no file so far.`];
  return [`Its host watches ${watch.paths.join(", ")}, and restarts it on a change.`, ...nothing, ...held, ...trouble];
}

/** For what lives: how the run before it ended. */
function explainEarlierRun(facts: KeyFacts): string[] {
  const { exit, record, state } = facts;
  if (exit === null || record === null || exit.token === record.token || state === "backoff" || state === "failed")
    return [];
  if (exit.reason === "start-failed") return [`A start before this one failed: it ${exit.text}`];
  return [`The run before it ${endSentence(facts, exit).replace(/^it (was )?/, (_all, was) => was ?? "")}`];
}

function explainWant(facts: KeyFacts): string[] {
  const { want } = facts;
  if (want === null) return [];
  const what = want.want === "run" ? "that it runs" : "that it is stopped";
  return [`What was last asked for is ${what}: ${when(facts, want.at)}, ${byWhom(want.by)}.`];
}

function explainDrift({ drift, key }: KeyFacts): string[] {
  if (drift === null || drift.length === 0) return [];
  return [
    `What runs is not what the manifest says now: ${drift.map(driftPhrase).join("; ")}. \`dt restart ${key}\` starts what it says.`,
  ];
}

function driftPhrase(field: DriftField): string {
  switch (field.field) {
    case "argv":
      return `the command was \`${showCommand(field.was)}\` and is \`${showCommand(field.now)}\``;
    case "cwd":
      return `the directory was ${field.was} and is ${field.now}`;
    case "port":
      return `the port was ${field.was ?? "none"} and is ${field.now ?? "none"}`;
    case "env": {
      const change = field.was === undefined ? "is new" : field.now === undefined ? "is gone" : "has another value";
      return `the variable ${field.name} ${change}`;
    }
    case "command":
      return "no manifest declares this command any more";
    case "start":
      return `it could not be started now (${field.now})`;
  }
}

function explainLock(facts: KeyFacts): string[] {
  const { lock, key } = facts;
  if (lock === null) return [];
  if (lock.holder === null && lock.presence === "unknown")
    return ["Its lock cannot be read from here, or was taken by another version of dt: it is waited for."];
  if (lock.holder === null)
    return ["There is an unfinished lock on it, left by a dt that was killed. The next start or stop breaks it."];
  const { holder, doing, since, command } = lock.holder;
  const who = `pid ${holder.pid} (${command}), ${when(facts, since)}, doing: ${doing}`;
  if (lock.presence === "alive") return [`It is being changed right now: its lock was taken by ${who}.`];
  if (lock.presence === "unknown")
    return [
      `Its lock was taken by ${who}, in another pid namespace: nothing can be started or stopped here until it is given back. If that container is gone: remove ${key}.lock from the run directory.`,
    ];
  return [`Its lock was taken by ${who}. That process is gone, so the next start or stop breaks the lock.`];
}

function explainLog({ log, leader }: KeyFacts): string[] {
  const sentences: string[] = [];
  if (leader === "alive" && log.is === "missing")
    sentences.push(`Its log ${log.path} was removed: what it writes goes to a file that has no name any more.`);
  if (leader === "alive" && log.is === "other")
    sentences.push(
      `${log.path} is not the file it writes to: that one was moved or removed, so what it writes now is not there.`,
    );
  if (log.freeBytes !== null && log.freeBytes < FULL_BYTES)
    sentences.push(
      `The disk that holds its log is full (${log.freeBytes} bytes are free): what it writes is refused by the system, and lost.`,
    );
  return sentences;
}

/** `it was stopped by … 3m ago, after 5s.` */
function endSentence(facts: KeyFacts, exit: ExitRecord): string {
  const was = exit.reason === "stopped" || exit.reason === "replaced" || exit.reason === "interrupted" ? "was " : "";
  const text = exit.text.startsWith("was ") ? exit.text.slice(4) : exit.text;
  const status =
    !text.includes(describeStatus(exit)) &&
    (was !== "" || exit.reason === "unknown") &&
    (exit.code !== null || exit.signal !== null)
      ? `; it ended with ${describeStatus(exit)}`
      : "";
  const restarts = exit.restarts === 0 ? "" : ` It had been restarted ${times(exit.restarts)}.`;
  return `it ${was}${text}${status}, ${when(facts, exit.at)}.${restarts}`;
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

function forHowLong({ record, now }: KeyFacts): string {
  if (record === null) return "";
  const ms = now - Date.parse(record.startedAt);
  return ms < 0 ? "" : ` for ${formatDuration(ms)}`;
}

/** A time that is later than now is told as it is: the clock was set back. */
function when({ now }: KeyFacts, at: string): string {
  const ms = now - Date.parse(at);
  return ms < 0
    ? `at ${at} (later than it is now: was this machine's clock set back?)`
    : `${formatDuration(ms)} ago (${at})`;
}

function span(from: string, to: string): number {
  return Math.max(0, Date.parse(to) - Date.parse(from));
}

const KINDS: Record<Asker["by"], string> = {
  user: "by",
  rerun: "by a rerun,",
  policy: "by its own policy,",
  interrupt: "by Ctrl-C in",
  hangup: "by the closing of the terminal of",
  signal: "by a signal to",
  owner: "as its owner has gone,",
};

/** `by dt stop t dev (pid 12)`. */
export function byWhom({ by, command, pid, because }: Asker): string {
  return `${KINDS[by]} ${command} (pid ${pid})${because === undefined ? "" : `, because ${because}`}`;
}

function whoHosts(record: LaunchRecord | null): string {
  return record === null ? "its host" : `its host (pid ${record.host.pid})`;
}

function startCommand(key: string): string {
  return `dt ${key
    .split(":")
    .join(" ")
    .replace(/ default$/, "")}`;
}

function upper(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}

function ordinal(count: number): string {
  const tail = count % 100 >= 11 && count % 100 <= 13 ? "th" : (["th", "st", "nd", "rd"][count % 10] ?? "th");
  return `${count}${tail}`;
}
