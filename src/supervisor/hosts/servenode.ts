/**
 * Serves one node of a host of many, a launch or a one-shot, until it is over. What happens to it becomes its stage and
 * its outcome.
 */
import type { ExitRecord } from "../../state/types.ts";
import { messageOf } from "../../sys/base/error.ts";
import type { UpNode } from "../callers/types.ts";
import { resolveAnew } from "../ground/spec.ts";
import { hostLaunch } from "../host/host.ts";
import { toFailure } from "../launch/failure.ts";
import { lineOf } from "../launch/line.ts";
import { describeRepeated } from "../launch/streak.ts";
import type { LaunchEvent, LaunchSpec, Ticket } from "../launch/types.ts";
import { runTask } from "../oneshot/task.ts";
import { release } from "../run/notes.ts";
import { makeRequestQueue } from "../run/queue.ts";
import type { HostControl, HostRequest } from "../run/types.ts";
import { dropTicket, isCalledOff, refuseCalledOff, watchTicket } from "../ticket/ticket.ts";
import { advance, become, settle, unsettle } from "./advance.ts";
import { hostLeft, reportJoined, settledEvent } from "./settled.ts";
import { callOff, causeOf, forsakenError, isForsaken, type ServedNode, type UpState } from "./upstate.ts";

export async function serveNode(up: UpState, node: UpNode): Promise<void> {
  const one: ServedNode = {
    queue: makeRequestQueue<HostRequest>(),
    cancel: new AbortController(),
    over: Promise.withResolvers(),
  };
  up.served.set(node.key, one);
  try {
    if (node.run.is === "launch") await serveLaunch(up, { spec: node.run.spec, served: one });
    else await serveTask(up, { node, spec: node.run.spec, served: one });
  } catch (error) {
    failToStart(up, { key: node.key, error, isCancelled: one.cancel.signal.aborted });
  }
  dropTicket(up.ground, node.run.spec);
  up.served.delete(node.key);
  one.over.resolve();
}

type TaskNodeSpec = Extract<UpNode["run"], { is: "task" }>["spec"];

async function serveTask(
  up: UpState,
  { node, spec, served: { cancel } }: { node: UpNode; spec: TaskNodeSpec; served: ServedNode },
): Promise<void> {
  const { ground, emit } = up;
  const { key } = node;
  const stopped = watchTicket(ground, spec);
  const signal = AbortSignal.any([cancel.signal, stopped.signal]);
  const report = (event: LaunchEvent) => emit({ is: "launch", key, event });
  const onReason = (why: string) => report({ is: "note", text: `${key} is not skipped: ${why}` });
  const onBegin = () => emit({ is: "task", key, event: { is: "begun" } });
  const event = await runTask(ground, {
    spec: { ...spec, onReason, onBegin },
    wantedBy: wantedBy(up, node),
    report,
    signal,
  }).finally(stopped.close);
  refuseCalledOff(ground, spec);
  if (isForsaken(up, node)) throw forsakenError(key);
  emit({ is: "task", key, event });
  if (event.is === "unchanged")
    become(up, { key, stage: "completed", change: { state: "unchanged", unchanged: true } });
  else if (event.exit.code === 0)
    become(up, { key, stage: "completed", change: { state: "completed", log: event.exit.log } });
  else become(up, { key, stage: "failed", change: { state: "failed", log: event.exit.log, why: event.exit.text } });
}

/** The nodes that the user named and that need it, and itself if the user named it. */
function wantedBy({ byKey }: UpState, { key, isNamed, run }: UpNode) {
  const dependents = run.is === "task" ? (run.spec.dependents ?? []) : [];
  const named = dependents.flatMap((one) => byKey.get(one) ?? []).filter((one) => one.isNamed);
  const own = isNamed ? [{ key, ...ticketOf(run.spec) }] : [];
  return [...own, ...named.map((one) => ({ key: one.key, ...ticketOf(one.run.spec) }))];
}

const ticketOf = ({ ticket }: { ticket?: Ticket }) => (ticket === undefined ? {} : { ticket });

async function serveLaunch(
  up: UpState,
  { spec, served: { queue, cancel } }: { spec: LaunchSpec; served: ServedNode },
): Promise<void> {
  const { ground, emit } = up;
  const { key } = spec;
  const report = (event: LaunchEvent) => {
    emit({ is: "launch", key, event });
    becomeReported(up, { key, event });
  };
  let token = "";
  const admitted = await up.admission.enter(key, cancel.signal);
  const control: HostControl = {
    arrived: queue.arrived,
    take: queue.take,
    hard: up.hard,
    cancel: cancel.signal,
    watchMembers: up.watchMembers,
    onRun: (record) => {
      token = record.token;
      admitted.begun();
      if (cancel.signal.aborted && up.stopping !== null) queue.push(up.stopping);
    },
    resolveAnew: (one) => resolveAnew(ground, one),
  };
  const host = { ground, report, control };
  const end = await hostLeft(host, { spec, signal: cancel.signal })
    .then((again) => again ?? hostLaunch(host, spec))
    .finally(admitted.over);
  if (end.is === "unchanged") return report(await settledEvent(ground, { record: end.record, signal: cancel.signal }));
  if (end.is === "joined")
    return void (await reportJoined(ground, { record: end.record, signal: cancel.signal, report }));
  // Also of its last launch: it goes on, to follow the one that replaced it.
  if (end.is === "taken") release(ground, token);
  if (end.exit === null) return;
  if (end.exit.reason !== "replaced" || up.isUp) return report({ is: "ended", exit: end.exit });
  unsettle(up, key);
  emit({ is: "launch", key, event: { is: "note", text: `${key} was ${end.exit.text}; waiting for the new launch` } });
  await followAnother(up, { key, replaced: end.exit, signal: cancel.signal });
}

function becomeReported(up: UpState, { key, event }: { key: string; event: LaunchEvent }): void {
  if (event.is === "spawned") {
    if (!event.probed) settle(up, key);
    become(up, { key, stage: event.probed ? "started" : "ready", change: { ...event.line, why: null } });
  } else if (event.is === "joined")
    become(up, { key, stage: event.probed ? "started" : "ready", change: { ...event.line, why: null } });
  else if (event.is === "ready") become(up, { key, stage: "ready", change: { ...event.line, why: null } });
  else if (event.is === "unchanged") become(up, { key, stage: "ready", change: { ...event.line, unchanged: true } });
  else if (event.is === "unhealthy")
    become(up, { key, stage: "unhealthy", change: { ...event.line, why: `is not ready in time: ${event.why}` } });
  else if (event.is === "ended") becomeEnded(up, { key, exit: event.exit });
  else if (event.is === "restarting") becomeWaiting(up, { key, because: event.because });
}

/** Another process started the key again before it was up: its dependents need that launch now. */
async function followAnother(
  up: UpState,
  { key, replaced, signal }: { key: string; replaced: ExitRecord; signal: AbortSignal },
): Promise<void> {
  const { awaitSettled } = await import("../run/settle.ts");
  const settled = await awaitSettled(up.ground, { key, signal });
  if (settled.is === "ended") return becomeEnded(up, { key, exit: settled.exit ?? replaced });
  const line = lineOf(settled.record, settled.is);
  if (settled.is === "unhealthy")
    become(up, { key, stage: "unhealthy", change: { ...line, why: `is not ready in time: ${settled.why}` } });
  else become(up, { key, stage: "ready", change: { ...line, why: null } });
}

function becomeEnded(up: UpState, { key, exit }: { key: string; exit: ExitRecord }): void {
  const wasUp = up.stages.get(key) === "ready";
  unsettle(up, key);
  if (exit.reason === "stopped" || exit.reason === "interrupted")
    become(up, { key, stage: "failed", change: { state: "stopped", pid: null, why: `was ${exit.text}` } });
  // A launch without `ready` that ended well has done its work: its dependents go on.
  else if (exit.reason === "exited" && wasUp)
    become(up, { key, stage: "ready", change: { state: "exited", pid: null, why: exit.text } });
  else {
    const why = exit.reason === "replaced" ? `was ${exit.text}` : exit.text;
    become(up, { key, stage: "failed", change: { state: "failed", pid: null, why } });
  }
}

function becomeWaiting(up: UpState, { key, because }: { key: string; because: string }): void {
  unsettle(up, key);
  const count = (up.restarts.get(key) ?? 0) + 1;
  up.restarts.set(key, count);
  if (count < up.mostRestarts) become(up, { key, stage: "going", change: { state: "backoff", pid: null } });
  else
    become(up, {
      key,
      stage: "failed",
      change: {
        state: "backoff",
        pid: null,
        why: `is not up: it ${describeRepeated(because)}`,
      },
    });
}

function failToStart(
  up: UpState,
  { key, error, isCancelled }: { key: string; error: unknown; isCancelled: boolean },
): void {
  if (isCalledOff(error)) {
    const because = messageOf(error)
      .replace(/^\S+ was not started: /, "")
      .replace(/\.$/, "");
    if (up.stages.get(key) !== "prevented") callOff(up, { key, because });
    advance(up);
  } else if (isCancelled && (error as { name?: string }).name === "AbortError") {
    const because = up.stopping === null ? "cancelled" : causeOf(up.stopping);
    up.emit({ is: "prevented", key, because });
    become(up, { key, stage: "failed", change: { state: "prevented", pid: null, why: `was not started: ${because}` } });
  } else {
    up.emit({ is: "launch", key, event: { is: "failed", error: toFailure(error) } });
    become(up, {
      key,
      stage: "failed",
      change: { state: "failed", pid: null, why: `could not be started: ${messageOf(error)}` },
    });
  }
}
