/**
 * Starts what a command needs first, in order, where it is not up already; one-shots among the needs run to their end.
 */
import type { ManifestIndex } from "../../manifest/model/resolved.ts";
import type { Asker, ExitRecord } from "../../state/types.ts";
import { isStopped } from "../../state/view.ts";
import { askAdopting, startDetached } from "../../supervisor/callers/caller.ts";
import { endLeftTasks } from "../../supervisor/end/lefttasks.ts";
import { describeAsker } from "../../supervisor/launch/exit.ts";
import { makeLaunchSpec } from "../../supervisor/launch/spec.ts";
import { describeRepeated } from "../../supervisor/launch/streak.ts";
import type { LaunchEvent, Ticket } from "../../supervisor/launch/types.ts";
import { runTask } from "../../supervisor/oneshot/task.ts";
import { makeTaskSpec } from "../../supervisor/oneshot/taskspec.ts";
import { awaitSettled, isLeftByHost, settledNow } from "../../supervisor/run/settle.ts";
import {
  dropTicket,
  isCalledOff,
  leaveTicket,
  takeTicket,
  watchTicket,
  whoCalledOff,
} from "../../supervisor/ticket/ticket.ts";
import { DtError, EXIT } from "../../sys/base/error.ts";
import { shortKey } from "../../values/key.ts";
import { tellEvent, tellLastLines } from "../parts/tell.ts";
import type { RunnerContext } from "../parts/types.ts";
import { type OrderedNeed, orderNeeds } from "./needorder.ts";

/** The command whose needs are started. */
export interface NeedContext {
  key: string;
  env: Record<string, string>;
  asker: Asker;
  lockTimeoutMs: number;
  ticket?: Ticket;
}

type Need = OrderedNeed & { ticket: Ticket };

export interface NeedsRequest {
  context: RunnerContext;
  index: ManifestIndex;
  needy: NeedContext;
  /** Ctrl-C, which ends a launch that is being started. */
  cancel: AbortSignal;
  /** The start is called off: its needs stay as they are. */
  off: AbortSignal;
}

/**
 * Starts the needs in order. Throws when one of them does not become as needed, and when one of them, or the command
 * itself, is stopped in the meantime.
 */
export async function startNeeds(request: NeedsRequest): Promise<void> {
  const { context, index, needy, cancel, off } = request;
  const { ground } = context;
  // Takes all tickets at once: a stop also counts for needs whose turn comes later.
  const needs = orderNeeds(index, needy.key).map((need) => ({
    ...need,
    ticket: takeTicket(context, { key: need.key, asker: needy.asker }),
  }));
  context.announced?.close();
  try {
    const report = (event: LaunchEvent) => tellEvent(context, event);
    await endLeftTasks(ground, { key: needy.key, report });
    for (const need of needs) {
      await meetNeed(request, need);
      if (cancel.aborted) return;
      off.throwIfAborted();
      dropTicket(ground, need);
    }
  } finally {
    // A need that its own host is starting goes on there. The ticket names that host, which drops it.
    for (const need of needs) leaveTicket(ground, need);
  }
}

async function meetNeed(request: NeedsRequest, need: Need): Promise<void> {
  const { context, needy, cancel, off } = request;
  const refuse = () => {
    const by = whoCalledOff(context.ground, need);
    if (by !== null) throw stoppedNeed(needy, { need, how: `was stopped meanwhile${describeAsker(by)}` });
  };
  refuse();
  const meet = need.settings.kind === "oneshot" ? runNeed : bringUp;
  const why = await meet(request, need).catch((error: unknown) => {
    if (isCalledOff(error)) refuse();
    throw error;
  });
  if (cancel.aborted || why === null) return;
  off.throwIfAborted();
  refuse();
  throw new DtError("need-failed", `${needy.key} was not started: it needs ${need.key}, which ${why}.`, {
    hint: `dt logs ${need.key}`,
    details: { need: need.key },
  });
}

function stoppedNeed(needy: NeedContext, { need, how }: { need: Need; how: string }): DtError {
  return new DtError("called-off", `${needy.key} was not started: it needs ${need.key}, which ${how}.`, {
    status: EXIT.interrupted,
    details: { need: need.key },
  });
}

async function runNeed({ context, index, needy, cancel, off }: NeedsRequest, need: Need): Promise<string | null> {
  if (need.settings.kind !== "oneshot") throw new Error(`${need.key} is no one-shot`);
  const { key, env, asker } = needy;
  const onBegin = () => context.talk.say(`${key} needs ${shortKey(need.key)}: running it`);
  const onReason = (why: string) => context.talk.say(`${shortKey(need.key)} is not skipped: ${why}`);
  const { settings, dependents, ticket } = need;
  const task = makeTaskSpec(index, { key: need.key, settings, env, asker, dependents, ticket, onReason, onBegin });
  const own = watchTicket(context.ground, need);
  const signal = AbortSignal.any([cancel, off, own.signal]);
  const report = (event: LaunchEvent) => tellEvent(context, event);
  const end = await runTask(context.ground, { spec: task, wantedBy: [needy], report, signal }).finally(own.close);
  if (end.is === "unchanged")
    context.talk.say(`${key} needs ${shortKey(need.key)}: its inputs are unchanged since ${end.since}, skipped`);
  if (end.is === "unchanged" || end.exit.code === 0) return null;
  if (off.aborted || own.signal.aborted) return end.exit.text;
  tellLastLines(context, { key: need.key, log: end.exit.log });
  return end.exit.text;
}

async function bringUp(request: NeedsRequest, need: Need): Promise<string | null> {
  const { context, cancel, off } = request;
  const now = settledNow(context.ground, { key: need.key });
  const signal = AbortSignal.any([cancel, off]);
  if (now === null && isLeftByHost(context.ground, need.key)) await askAdopting(context.ground, context.env);
  const settled = now ?? (await awaitSettled(context.ground, { key: need.key, signal }));
  if (settled.is === "ready" || settled.is === "running") return null;
  // Another caller's start that was awaited in vain is not repeated: its user may be inspecting the launch. One that no
  // host can take over is.
  if (now === null && settled.is === "unhealthy" && !isLeftByHost(context.ground, need.key))
    return notInTime(settled.why);
  const started = await startNeed(request, need);
  return started.is === "replaced" ? awaitAnother(context, { need, replaced: started.exit, signal }) : started.why;
}

/**
 * Waits for the launch by which another dt replaced the need before it was up. Null when that is up, otherwise why not.
 */
async function awaitAnother(
  { ground, talk }: RunnerContext,
  { need: { key }, replaced, signal }: { need: Need; replaced: ExitRecord; signal: AbortSignal },
): Promise<string | null> {
  talk.say(`${key} was ${replaced.text}: waiting for that launch`);
  const settled = await awaitSettled(ground, { key, signal });
  if (settled.is === "unhealthy") return notInTime(settled.why);
  return settled.is === "ended" ? (settled.exit ?? replaced).text : null;
}

type Started = { is: "there"; why: string | null } | { is: "replaced"; exit: ExitRecord };

/** `why`: null when it is up, otherwise why not. */
async function startNeed({ context, needy, cancel, off }: NeedsRequest, need: Need): Promise<Started> {
  context.talk.say(`${needy.key} needs ${need.key}: starting it`);
  if (need.settings.kind !== "managed") throw new Error(`${need.key} is not managed`);
  const { env, asker, lockTimeoutMs } = needy;
  const own = makeLaunchSpec({
    key: need.key,
    settings: need.settings,
    env,
    asker,
    lockTimeoutMs,
    ticket: need.ticket,
    dependents: need.dependents,
    anyLater: true,
    ensure: true, // of two commands that need it at once, the second leaves the first one's launch alone
  });
  const last = await Promise.race([
    startDetached({
      ground: context.ground,
      spec: own,
      until: need.until === "started" ? "spawned" : "ready",
      report: (event) => tellEvent(context, event),
      cancel,
    }),
    rejectedBy(off),
  ]);
  if (last.is === "ended" && last.exit.reason === "replaced") return { is: "replaced", exit: last.exit };
  if (last.is === "ended" && isStopped(last.exit)) throw stoppedNeed(needy, { need, how: `was ${last.exit.text}` });
  const failed = last.is === "ended" ? last.exit : last.is === "unhealthy" ? last.line : null;
  if (failed !== null && context.talk.onCi) tellLastLines(context, { key: need.key, log: failed.log });
  if (last.is === "ended") return { is: "there", why: last.exit.text };
  if (last.is === "restarting") return { is: "there", why: describeRepeated(last.because) };
  return { is: "there", why: last.is === "unhealthy" ? notInTime(last.why) : null };
}

function rejectedBy(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason));
  });
}

function notInTime(why: string): string {
  return `is not ready in time: ${why}`;
}
