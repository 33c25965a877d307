/**
 * Why a key runs, does not run, waits or was stopped: facts in, plain sentences out, the most telling first. The
 * headline comes from `headlines.ts`; this file adds everything else worth knowing. Pure.
 */
import type { DriftField } from "../../supervisor/prepare/drift.ts";
import { FLAG } from "../../sys/text/flags.ts";
import { showCommand } from "../../values/commandline.ts";
import { formatDuration } from "../../values/duration.ts";
import type { KeyFacts } from "./facts.ts";
import { HEADLINES } from "./headlines.ts";
import { byWhom, endSentence, startCommand, times, when } from "./phrases.ts";

/** Below this a file system is as good as full: not even a page of output fits. */
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
        `${file} cannot be read (${reason}). The next start or stop keeps it as *.corrupt, and searches for the launch behind it.`,
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

/** Starts that have not launched anything yet. */
function explainPending({ key, pending = [] }: KeyFacts): string[] {
  return pending.map(
    (by) =>
      `A start of it is under way, asked for ${byWhom(by)}: it waits for what it needs, for its \`before\`, for its turn or for the lock. \`dt stop ${key}\` calls it off.`,
  );
}

function explainUnknown({ key, declared, unreadable, log }: KeyFacts): string[] {
  if (unreadable.length > 0) return [`${key} is not running; how it last ended cannot be read.`];
  switch (declared.is) {
    case "managed":
      return [`${key} has never run here. \`${startCommand(key)}\` starts it.`];
    case "oneshot":
      if (log.is === "there")
        return [
          `${key} is a one-shot, and ${log.path} holds the output of its last captured run, but its end was not recorded: it is still running, or its dt was killed.`,
        ];
      return [
        `${key} is a one-shot: dt becomes the command, so nothing about it is kept on disk and there is nothing to explain. \`dt ${FLAG.capture} …\` keeps it.`,
      ];
    case "failed":
      return [`${key} cannot be started: its plugin could not be loaded. ${declared.message}`];
    default:
      return [`${key} is not running.`];
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
      `It was started in another pid namespace (${record.host.pidNamespace}; a container that mounts this directory?), where its pids mean something else: dt cannot see from here whether it is running, and never signals it.`,
    ];
  }
  if (leader !== "alive") return [];
  if (host === "alive")
    return [`Its host is pid ${record.host.pid}, ${record.detached ? "detached" : "in a terminal"}.`];
  return [
    `Its host (pid ${record.host.pid}) is gone: it runs on, but nothing will restart it, keep its log small or see how it ends. \`dt restart ${key}\` gives it a new host.`,
  ];
}

/** The files that its host watches for it. */
function explainWatch({ history, host, leader, now }: KeyFacts): string[] {
  const watch = history?.watch;
  if (watch === undefined || leader !== "alive") return [];
  if (host !== "alive")
    return [
      `${watch.paths.join(", ")} ${watch.paths.length === 1 ? "is" : "are"} no longer watched: its host did that.`,
    ];
  const held =
    watch.held === undefined ? [] : [`${watch.held.why} (${formatDuration(now - Date.parse(watch.held.at))} ago).`];
  const trouble = watch.trouble === undefined ? [] : [`Watching has a problem: ${watch.trouble}.`];
  const { unmatched = [] } = watch;
  const names = unmatched.map((one) => JSON.stringify(one)).join(", ");
  const nothing =
    unmatched.length === 0 ? [] : [`${names} ${unmatched.length === 1 ? "matches" : "match"} no file so far.`];
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
  const what = want.want === "run" ? "to run it" : "to stop it";
  return [`The last request was ${what}: ${when(facts, want.at)}, ${byWhom(want.by)}.`];
}

function explainDrift({ drift, key }: KeyFacts): string[] {
  if (drift === null || drift.length === 0) return [];
  return [
    `What is running is not what the manifest says now: ${drift.map(driftPhrase).join("; ")}. \`dt restart ${key}\` applies the manifest.`,
  ];
}

function driftPhrase(field: DriftField): string {
  switch (field.field) {
    case "argv":
      return `the command was \`${showCommand(field.was)}\` and is now \`${showCommand(field.now)}\``;
    case "cwd":
      return `the directory was ${field.was} and is now ${field.now}`;
    case "port":
      return `the port was ${field.was ?? "none"} and is now ${field.now ?? "none"}`;
    case "env": {
      const change = field.was === undefined ? "is new" : field.now === undefined ? "is gone" : "has another value";
      return `the variable ${field.name} ${change}`;
    }
    case "command":
      return "no manifest declares this command any longer";
    case "start":
      return `it could not be started now (${field.now})`;
  }
}

function explainLock(facts: KeyFacts): string[] {
  const { lock, key } = facts;
  if (lock === null) return [];
  if (lock.holder === null && lock.presence === "unknown")
    return ["Its lock cannot be read from here, or was taken by another version of dt: starts and stops wait for it."];
  if (lock.holder === null)
    return ["It has an unfinished lock, left by a dt that was killed. The next start or stop breaks it."];
  const { holder, doing, since, command } = lock.holder;
  const who = `pid ${holder.pid} (${command}), ${when(facts, since)}, doing: ${doing}`;
  if (lock.presence === "alive") return [`It is being changed right now: its lock was taken by ${who}.`];
  if (lock.presence === "unknown")
    return [
      `Its lock was taken by ${who}, in another pid namespace: dt cannot start or stop it from here until the lock is released. If that container is gone, remove ${key}.lock from the run directory.`,
    ];
  return [`Its lock was taken by ${who}. That process is gone, so the next start or stop breaks the lock.`];
}

function explainLog({ log, leader }: KeyFacts): string[] {
  const sentences: string[] = [];
  if (leader === "alive" && log.is === "missing")
    sentences.push(`Its log ${log.path} was removed: its output goes to a file that no longer has a name.`);
  if (leader === "alive" && log.is === "other")
    sentences.push(
      `${log.path} is not the file it writes to: that one was moved or removed, so its output is no longer in here.`,
    );
  if (log.freeBytes !== null && log.freeBytes < FULL_BYTES)
    sentences.push(
      `The disk that holds its log is full (${log.freeBytes} bytes are free): the system refuses its output, which is lost.`,
    );
  return sentences;
}
