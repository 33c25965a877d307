/**
 * `dt up` in the foreground: this process is the host, and shows all logs, each line with its key. Launches that were
 * already running are shown as well, and run on when it ends.
 */
import type { Entry } from "../../logs/entries.ts";
import { followKeys, type LogTarget } from "../../logs/followkeys.ts";
import { makePrefix, prefixLine } from "../../output/logline.ts";
import type { KeyOutcome, UpEvent, UpNode } from "../../supervisor/callers/types.ts";
import { makeMoving } from "../../supervisor/ground/moving.ts";
import { RESTART_SIGNAL } from "../../supervisor/host/request.ts";
import { bringUp, type Up } from "../../supervisor/hosts/bringup.ts";
import type { Ground } from "../../supervisor/launch/types.ts";
import { isRunOver } from "../../supervisor/run/runover.ts";
import { settledNow } from "../../supervisor/run/settle.ts";
import { signalNumber } from "../../sys/base/signals.ts";
import { statOf } from "../../sys/base/stat.ts";
import { inheritedHere } from "../../sys/inherit/inheritance.ts";
import { isIgnored } from "../../sys/spawn/limits.ts";
import { hasRoom, isReaderGone } from "../../sys/stdio/stdio.ts";
import { interruptFirst, makePresses } from "../../sys/terminal/presses.ts";
import { makePatience, type Patience } from "../parts/patience.ts";
import { makeShown, type Shown } from "../parts/shown.ts";
import type { RunnerContext } from "../parts/types.ts";
import { concludeUp, failureCodeOf, tellHosted, upStatusOf } from "./uptell.ts";

interface ForegroundState {
  context: RunnerContext;
  ground: Ground;
  /** A second Ctrl-C: kills what is still ending. */
  hard: AbortController;
  /** The user asked for the end: an output that accepts nothing is no longer waited for. */
  impatient: AbortController;
  /** The logs that are shown, and up to where a log was not written by a launch of this host. */
  shown: LogTarget[];
  shownTo: Map<string, number>;
  /** Launches that were already running: they are shown, and run on when this process ends. */
  others: Set<string>;
  /** The exit code of the first failure. */
  failure: number | null;
  /** The exit code of the signal that asked for the end. */
  status: number | null;
  /** The reader of the output has gone. */
  isUnread: boolean;
}

export async function upForeground(
  context: RunnerContext,
  { nodes, colored }: { nodes: UpNode[]; colored: boolean },
): Promise<number> {
  const state: ForegroundState = {
    context,
    ground: makeMoving(context.ground),
    hard: new AbortController(),
    impatient: new AbortController(),
    shown: [],
    shownTo: new Map(),
    others: new Set(),
    failure: null,
    status: null,
    isUnread: false,
  };
  const done = new AbortController();
  for (const { run } of nodes) run.spec.inherits = inheritedHere() ?? undefined;
  const up = bringUp({ ground: state.ground, nodes, hard: state.hard.signal, emit: (event) => hear(state, event) });
  const patience = endOnSignals(state, up);
  process.on(RESTART_SIGNAL, () => up.claim());
  const output = makeShown(context.talk, state.impatient.signal);
  const following = showLogs(state, { nodes, colored, output, signal: done.signal });
  following.then(() => {
    state.isUnread = true;
    up.stop({ is: "terminate", by: "hangup", signal: "SIGPIPE" });
  });
  const outcomes = await up.settled;
  await untilOthersEnd(state, up);
  await up.over;
  patience.end();
  done.abort();
  await following;
  if (context.json && outcomes.every((one) => one.unchanged)) return concludeUp(context, outcomes);
  return state.status ?? output.status(state.failure ?? worstOf(outcomes));
}

function hear(state: ForegroundState, event: UpEvent): void {
  const { context, ground, shown, shownTo, others } = state;
  // A terminal that accepts no output would block the host: messages that find no room are dropped.
  if (hasRoom(2)) tellHosted(context, event);
  state.failure ??= failureCodeOf(event);
  if (event.is !== "launch" || (event.event.is !== "spawned" && event.event.is !== "unchanged")) return;
  const { key, log } = event.event.line;
  if (event.event.is === "unchanged") {
    others.add(key);
    shownTo.set(key, statOf(log)?.size ?? 0);
  }
  if (!shown.some((one) => one.key === key))
    shown.push({ key, log, times: ground.store.path(key, "times"), isOver: () => isRunOver(ground, key) });
}

function endOnSignals(state: ForegroundState, up: Up): Patience {
  const pressed = makePresses();
  const patience = makePatience(state.context.talk, "What `dt up` started");
  const onSignal = interruptFirst((signal) => {
    const press = pressed();
    if (press === "same") return;
    state.impatient.abort();
    if (press === "again" && signal === "SIGINT") return state.hard.abort();
    patience.begin();
    state.status ??= 128 + (signalNumber(signal) as number);
    if (signal === "SIGINT") up.stop({ is: "interrupt" });
    else up.stop({ is: "terminate", by: signal === "SIGHUP" ? "hangup" : "signal", signal });
  });
  // Under nohup SIGHUP stays ignored.
  for (const signal of ["SIGINT", "SIGTERM", "SIGQUIT", "SIGHUP"] as const)
    if (signal !== "SIGHUP" || !isIgnored(signalNumber(signal) as number)) process.on(signal, onSignal);
  return patience;
}

interface Showing {
  nodes: readonly UpNode[];
  colored: boolean;
  output: Shown;
  signal: AbortSignal;
}

/** Resolves when the signal is aborted, or the reader of the output has gone. */
function showLogs({ shown, shownTo }: ForegroundState, { nodes, colored, output, signal }: Showing): Promise<unknown> {
  const prefix = makePrefix(
    nodes.map((one) => one.key),
    colored,
  );
  return followKeys({
    targets: () => shown,
    shownTo,
    filterOf: () => null,
    onEntry: ({ key, bytes }: Entry) => output.write(prefixLine(prefix(key), { line: bytes, colored })),
    onNewRun: () => {},
    isGone: () => isReaderGone(1),
    signal,
  });
}

async function untilOthersEnd(state: ForegroundState, up: Up): Promise<void> {
  const { context, ground, others } = state;
  if (others.size === 0 || context.json) return;
  context.talk.say("launches that were already running are shown from now on; Ctrl-C leaves them running");
  const isAsked = () => state.status !== null || state.isUnread;
  await Promise.race([up.over, lastOf(isAsked)]);
  await lastOf(() => isAsked() || [...others].every((key) => isEnded(ground, key)));
}

const LOOK_EVERY_MS = 200;

async function lastOf(isOver: () => boolean): Promise<void> {
  while (!isOver()) await Bun.sleep(LOOK_EVERY_MS);
}

function isEnded(ground: Ground, key: string): boolean {
  return settledNow(ground, { key })?.is === "ended";
}

/** A launch that ended by itself, and successfully, is no failure here. */
function worstOf(outcomes: readonly KeyOutcome[]): number {
  return upStatusOf(outcomes.map((one) => (one.state === "exited" ? { ...one, state: "completed" } : one)));
}
