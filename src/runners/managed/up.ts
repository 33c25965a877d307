/**
 * `dt up`: brings up everything that is named and what it needs, by one host. Detached, it returns when nothing more is
 * awaited; in the foreground this process is the host and shows all logs, each line with its key.
 */

import type { Entry } from "../../logs/entries.ts";
import { followKeys, type LogTarget } from "../../logs/followkeys.ts";
import { faultsOf } from "../../manifest/model/faults.ts";
import { closureOf, dependentsOf, shortKey, showPath } from "../../manifest/model/graph.ts";
import type { ManifestIndex } from "../../manifest/model/resolved.ts";
import { formatLines } from "../../output/lines.ts";
import { makePrefix, prefixLine } from "../../output/logline.ts";
import { formatTruth } from "../../output/truth.ts";
import { describeAsker } from "../../state/asker.ts";
import type { ExitRecord } from "../../state/types.ts";
import { makeMoving } from "../../supervisor/ground/moving.ts";
import { RESTART_SIGNAL } from "../../supervisor/host/request.ts";
import { bringUp } from "../../supervisor/hosts/bringup.ts";
import { bringUpDetached } from "../../supervisor/hosts/bringupcaller.ts";
import type { Outcome, UpEvent, UpNode } from "../../supervisor/hosts/types.ts";
import { LOCK_TIMEOUT_MS } from "../../supervisor/launch/lock.ts";
import { refuseNested } from "../../supervisor/launch/nested.ts";
import type { Ground } from "../../supervisor/launch/types.ts";
import { cleanedForHosting } from "../../supervisor/prepare/selfenv.ts";
import { isRunOver } from "../../supervisor/run/runover.ts";
import { settledNow } from "../../supervisor/run/settle.ts";
import { takeTicket } from "../../supervisor/ticket/pending.ts";
import { DtError, EXIT } from "../../sys/base/error.ts";
import { signalNumber } from "../../sys/base/signals.ts";
import { statOf } from "../../sys/base/stat.ts";
import { shellCode } from "../../sys/base/status.ts";
import { becomeDt } from "../../sys/spawn/exec.ts";
import { isIgnored } from "../../sys/spawn/limits.ts";
import { hasRoom, isReaderGone, print } from "../../sys/stdio/stdio.ts";
import { interruptFirst, makePresses } from "../../sys/terminal/presses.ts";
import { parseKey } from "../../values/key.ts";
import { cancelOnPress } from "../parts/cancelling.ts";
import { makePatience } from "../parts/patience.ts";
import { makeProgress } from "../parts/progress.ts";
import { makeShown } from "../parts/shown.ts";
import { tellEvent, tellLastLines } from "../parts/tell.ts";
import type { RunnerContext } from "../parts/types.ts";

export interface UpRequest {
  index: ManifestIndex;
  keys: readonly string[];
  detach: boolean;
  timeoutMs: number | null;
  force: boolean;
  colored: boolean;
}

export async function runUp(context: RunnerContext, request: UpRequest): Promise<number> {
  const nodes = makeNodes(context, request);
  if (context.dryRun) return showNodes(context, nodes);
  for (const { key } of nodes) refuseNested(context, key, "replace");
  for (const { run } of nodes) run.spec.ticket = takeTicket(context, run.spec.key, run.spec.asker);
  context.announced?.close();
  return request.detach ? upDetached(context, nodes) : upForeground(context, nodes, request.colored);
}

function makeNodes(context: RunnerContext, { index, keys, detach, timeoutMs, force }: UpRequest): UpNode[] {
  const { nodes, missing } = closureOf(index, keys);
  const path = missing[0];
  if (path !== undefined) throw undeclared(index, path);
  const asker = describeAsker("user", context.argv);
  return nodes.map(({ key, settings, needs }): UpNode => {
    const common = { env: context.env, asker, dependents: dependentsOf(nodes, key) };
    const parts = parseKey(key) as NonNullable<ReturnType<typeof parseKey>>;
    if (settings.kind === "oneshot") {
      const { file = "" } = index.plugins[parts.plugin] ?? {};
      return {
        key,
        needs,
        isNamed: keys.includes(key),
        run: { is: "task", spec: { ...common, ...parts, key, file, settings, force } },
      };
    }
    const launch = {
      args: [],
      readyTimeoutMs: timeoutMs,
      lockTimeoutMs: LOCK_TIMEOUT_MS,
      ensure: true,
      detached: detach,
    };
    return {
      key,
      needs,
      isNamed: keys.includes(key),
      run: { is: "launch", spec: { ...common, ...parts, ...launch, key, settings } },
    };
  });
}

/** Includes the fault of the manifest that may declare it, where there is one. */
function undeclared(index: ManifestIndex, path: string[]): DtError {
  const plugin = path.at(-1)?.split(":")[0];
  const failure = index.failures.find((one) => one.plugin === plugin);
  const [fault, ...lines] = failure === undefined ? [] : faultsOf(failure);
  const why =
    fault === undefined
      ? `no manifest that could be loaded${index.root === undefined ? "" : ` in ${index.root}`} declares ${path.length > 1 ? "the last of these" : "this"}`
      : `the plugin ${plugin} could not be loaded: ${fault.replace(/\.$/, "")}`;
  return new DtError("needs", `${showPath(path)}: ${why}.`, {
    lines,
    status: EXIT.usage,
    hint: failure?.hint ?? "`dt list` shows what there is, and what failed.",
  });
}

function showNodes({ json }: RunnerContext, nodes: readonly UpNode[]): number {
  const plan = nodes.map(({ key, needs }) => ({ key, needs }));
  const lines = plan.map(
    ({ key, needs }) =>
      `up       ${shortKey(key)}${needs.map((one) => `  ${one.condition} ${shortKey(one.key)}`).join("")}`,
  );
  print(json ? `${JSON.stringify(plan)}\n` : formatLines(lines));
  return EXIT.done;
}

async function upDetached(context: RunnerContext, nodes: UpNode[]): Promise<number> {
  const cancel = new AbortController();
  cancelOnPress(cancel);
  const progress = makeProgress(context, nodes);
  const tell = progress === null ? (event: UpEvent) => tellUp(context, event) : progress.hear;
  const outcomes = await bringUpDetached(context.ground, nodes, context.env, tell, cancel.signal).finally(() =>
    progress?.close(),
  );
  return cancel.signal.aborted ? EXIT.interrupted : conclude(context, outcomes);
}

/**
 * Call it before anything is read or written for a `dt up` in the foreground: this process
 * may have to execute itself again.
 */
export function becomeHost({ ground, ownEnv, argv }: RunnerContext): void {
  const cleaned = cleanedForHosting(ownEnv, ground.root);
  if (cleaned !== null) becomeDt([...ground.self, ...argv] as [string, ...string[]], cleaned, []);
}

async function upForeground(context: RunnerContext, nodes: UpNode[], colored: boolean): Promise<number> {
  const ground = makeMoving(context.ground);
  const hard = new AbortController();
  const done = new AbortController();
  /** The user asked for the end: an output that accepts nothing is no longer waited for. */
  const impatient = new AbortController();
  const shown: LogTarget[] = [];
  const shownTo = new Map<string, number>();
  /** Launches that were already running: they are shown, and run on when this process ends. */
  const others = new Set<string>();
  let failure: number | null = null;
  const hear = (event: UpEvent) => {
    // A terminal that accepts no output would block the host: messages that find no room are dropped.
    if (hasRoom(2)) tellHosted(context, event);
    failure ??= codeOf(event);
    if (event.is !== "launch" || (event.event.is !== "spawned" && event.event.is !== "unchanged")) return;
    const { key, log } = event.event.line;
    if (event.event.is === "unchanged") {
      others.add(key);
      shownTo.set(key, statOf(log)?.size ?? 0);
    }
    if (!shown.some((one) => one.key === key))
      shown.push({ key, log, times: ground.store.path(key, "times"), isOver: () => isRunOver(ground, key) });
  };
  let status: number | null = null;
  const up = bringUp(ground, nodes, hard.signal, hear);
  const pressed = makePresses();
  const patience = makePatience(context.talk, "What `dt up` started");
  const onSignal = interruptFirst((signal) => {
    const press = pressed();
    if (press === "same") return;
    impatient.abort();
    if (press === "again" && signal === "SIGINT") return hard.abort();
    patience.begin();
    status ??= 128 + (signalNumber(signal) as number);
    if (signal === "SIGINT") up.stop({ is: "interrupt" });
    else up.stop({ is: "terminate", by: signal === "SIGHUP" ? "hangup" : "signal", signal });
  });
  // Under nohup SIGHUP stays ignored.
  for (const signal of ["SIGINT", "SIGTERM", "SIGQUIT", "SIGHUP"] as const)
    if (signal !== "SIGHUP" || !isIgnored(signalNumber(signal) as number)) process.on(signal, onSignal);
  process.on(RESTART_SIGNAL, () => up.claim());
  const prefix = makePrefix(
    nodes.map((one) => one.key),
    colored,
  );
  const output = makeShown(context.talk, impatient.signal);
  const following = followKeys({
    targets: () => shown,
    shownTo,
    filterOf: () => null,
    onEntry: ({ key, bytes }: Entry) => output.write(prefixLine(prefix(key), bytes, colored)),
    onNewRun: () => {},
    isGone: () => isReaderGone(1),
    signal: done.signal,
  });
  let isUnread = false;
  following.then(() => {
    isUnread = true;
    up.stop({ is: "terminate", by: "hangup", signal: "SIGPIPE" });
  });
  const outcomes = await up.settled;
  const worst = statusOf(outcomes.map((one) => (one.state === "exited" ? { ...one, state: "completed" } : one)));
  if (others.size > 0 && !context.json) {
    context.talk.say("launches that were already running are shown from now on; Ctrl-C leaves them running");
    await Promise.race([up.over, lastOf(() => status !== null || isUnread)]);
    const isOver = () => status !== null || isUnread || [...others].every((key) => isEnded(ground, key));
    await lastOf(isOver);
  }
  await up.over;
  patience.end();
  done.abort();
  await following;
  if (context.json && outcomes.every((one) => one.unchanged)) return conclude(context, outcomes);
  return status ?? output.status(failure ?? worst);
}

function tellHosted(context: RunnerContext, event: UpEvent): void {
  const { talk } = context;
  tellUp(context, event);
  if (event.is === "called-off") talk.say(`${shortKey(event.key)} was not started: ${event.because}`);
  if (event.is === "launch" && event.event.is === "failed") {
    const { message, lines = [] } = event.event.error;
    talk.fail(`${shortKey(event.key)} could not be started: ${message}`, [...lines]);
  }
  if (event.is === "launch" && event.event.is === "ended")
    talk.say(`${talk.paint.bold(shortKey(event.key))} ${event.event.exit.text}`);
}

const LOOK_EVERY_MS = 200;

async function lastOf(isOver: () => boolean): Promise<void> {
  while (!isOver()) await Bun.sleep(LOOK_EVERY_MS);
}

function isEnded(ground: Ground, key: string): boolean {
  return settledNow(ground, key)?.is === "ended";
}

/** The exit code of a failure; null when the event is none. A launch that a user stopped or replaced did not fail. */
function codeOf(event: UpEvent): number | null {
  if (event.is === "launch" && event.event.is === "failed") return event.event.error.status || EXIT.failed;
  const exit =
    event.is === "launch" && event.event.is === "ended"
      ? event.event.exit
      : event.is === "task" && event.event.is === "ended"
        ? event.event.exit
        : null;
  return exit !== null && FAILED.includes(exit.reason) ? shellCode(exit) || EXIT.failed : null;
}

const FAILED: readonly ExitRecord["reason"][] = ["failed", "unknown", "start-failed"];

/** Prints each key's line of truth, and why a key is not up. */
function conclude(context: RunnerContext, outcomes: readonly Outcome[]): number {
  const { ground, json } = context;
  for (const one of outcomes) {
    if (one.why === null) continue;
    tellWhy(context, one);
    if (one.state === "failed" || one.state === "backoff") tellLastLines(context, one.key, one.log);
  }
  print(json ? `${JSON.stringify(outcomes)}\n` : outcomes.map((one) => formatTruth(ground.root, one)).join(""));
  return statusOf(outcomes);
}

function tellWhy({ talk }: RunnerContext, { key, state, why }: Outcome): void {
  if (why === null) return;
  const [first, ...lines] = why.split("\n");
  if (state === "stopped") talk.say(`${shortKey(key)} ${why}`);
  else talk.fail(`${shortKey(key)} ${first}`, lines);
}

function statusOf(outcomes: readonly Outcome[]): number {
  const isAny = (...states: string[]) => outcomes.some(({ state }) => states.includes(state));
  if (isAny("failed", "prevented", "backoff", "exited")) return EXIT.failed;
  if (isAny("unhealthy")) return EXIT.timeout;
  return isAny("stopped") ? EXIT.interrupted : EXIT.done;
}

function tellUp(context: RunnerContext, heard: UpEvent): void {
  const { talk } = context;
  if (heard.is === "launch") tellEvent(context, heard.event);
  if (heard.is === "prevented") talk.warn(`${shortKey(heard.key)} is not started: ${heard.because}`);
  if (heard.is === "task")
    talk.say(`${talk.paint.bold(shortKey(heard.key))} ${TASK_WORDS[heard.event.is](heard.event as never)}`);
}

type TaskEvent = Extract<UpEvent, { is: "task" }>["event"];

const TASK_WORDS: { [I in TaskEvent["is"]]: (event: Extract<TaskEvent, { is: I }>) => string } = {
  begun: () => "runs",
  unchanged: ({ since }) => `skipped: its inputs are unchanged since ${since}`,
  ended: ({ exit }) => exit.text,
};
