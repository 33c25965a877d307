/**
 * Many launches served by one host: what the graph allows is started in parallel, what a failed need forbids is not, and all is stopped in
 * reverse order of needs. Each launch is served as by a host of its own; what this host lets go of it says on disk (`released`).
 */
import type { ExitRecord } from "../../state/types.ts";
import { DtError, messageOf } from "../../sys/base/error.ts";
import { resolveAnew } from "../ground/spec.ts";
import { beginHosting, hostLaunch } from "../host/host.ts";
import { claimRequests } from "../host/request.ts";
import { describeAsker } from "../launch/exit.ts";
import { failureOf } from "../launch/failure.ts";
import { lineOf } from "../launch/line.ts";
import type { Ground, LaunchEvent, LaunchSpec } from "../launch/types.ts";
import { runTask } from "../oneshot/task.ts";
import { writeHistory } from "../run/notes.ts";
import { makeQueue } from "../run/queue.ts";
import type { EndingRequest, HostControl, HostRequest } from "../run/types.ts";
import { dropTicket, isCalledOff, makeStopLook, refuseCalledOff, watchTicket } from "../ticket/pending.ts";
import { settledEvent } from "./child.ts";
import { watchManyMembers } from "./members.ts";
import { nextStep, SETTLED, type Stage } from "./schedule.ts";
import type { Outcome, UpEvent, UpNode } from "./types.ts";

/** How late what waits for its turn is seen to be called off. */
const LOOK_EVERY_MS = 100;
/**
 * What has no `ready` is up when it has run so long. What needs it does not wait for that. Most programs that cannot run (a wrong setting, a
 * missing file) end within it.
 */
const SETTLE_MS = 500;
/** Restarts in a row by its policy after which nobody is kept waiting for a launch: it is not up, and its policy goes on. */
export const MOST_RESTARTS = 3;

export interface Up {
  /** Resolves when nothing more is awaited of anything. */
  settled: Promise<Outcome[]>;
  /** Resolves when nothing is served any more. */
  over: Promise<void>;
  /** Stops all that is served, what is needed after what needs it, and starts nothing more. */
  stop(request: EndingRequest): void;
  /** On the restart signal. */
  claim(): void;
}

interface Served {
  queue: ReturnType<typeof makeQueue<HostRequest>>;
  cancel: AbortController;
  over: PromiseWithResolvers<void>;
}

/**
 * `ground` is this host's own: what is watched for all of them is put into it. `mostRestarts`: after so many in a row a launch is no longer waited
 * for.
 */
export function bringUp(
  ground: Ground,
  nodes: readonly UpNode[],
  hard: AbortSignal,
  emit: (event: UpEvent) => void,
  mostRestarts = Number.POSITIVE_INFINITY,
): Up {
  beginHosting(ground);
  ground.shared = true;
  const watchMembers = watchManyMembers(ground, (text) => emit({ is: "launch", key: "", event: { is: "note", text } }));
  const stages = new Map<string, Stage>(nodes.map(({ key }) => [key, "waiting"]));
  const outcomes = new Map<string, Outcome>(nodes.map(({ key }) => [key, blank(ground, key)]));
  const served = new Map<string, Served>();
  const byKey = new Map(nodes.map((node) => [node.key, node]));
  const dependents = new Map<string, string[]>();
  for (const { key, needs } of nodes)
    for (const need of needs) dependents.set(need.key, [...(dependents.get(need.key) ?? []), key]);
  const stops = nodes.map(({ run }) => makeStopLook(ground, run.spec));
  const settled = Promise.withResolvers<Outcome[]>();
  settled.promise.then(() => clearInterval(looking));
  /** Without `ready`, and spawned a moment ago. */
  const settling = new Map<string, ReturnType<typeof setTimeout>>();
  const restarts = new Map<string, number>();
  let stopping: EndingRequest | null = null;
  let isUp = false;

  function become(key: string, stage: Stage, change: Partial<Outcome>): void {
    if (stages.get(key) === "prevented") return;
    stages.set(key, stage);
    outcomes.set(key, { ...(outcomes.get(key) as Outcome), ...change });
    advance();
  }

  /** What a person stopped meanwhile, and what was needed for that alone. */
  function callOff(key: string, because: string): void {
    outcomes.set(key, {
      ...(outcomes.get(key) as Outcome),
      state: "stopped",
      pid: null,
      why: `was not started: ${because}`,
    });
    stages.set(key, "prevented");
    emit({ is: "called-off", key, because });
    dropTicket(ground, byKey.get(key)?.run.spec as LaunchSpec);
  }

  /** Of those that wait. Who is being started, finds out itself. */
  function lookForStops(): void {
    let isAny = false;
    for (const [at, { key }] of nodes.entries()) {
      if (stages.get(key) !== "waiting") continue;
      const by = stops[at]?.() ?? null;
      if (by === null) continue;
      callOff(key, `it was stopped meanwhile${describeAsker(by)}`);
      isAny = true;
    }
    if (isAny) advance();
  }

  /** Not asked for itself, and all that need it were called off. */
  function isForsaken({ key, isNamed }: UpNode): boolean {
    const above = isNamed ? [] : (dependents.get(key) ?? []);
    return above.length > 0 && above.every(isCalledOffHere);
  }

  function isCalledOffHere(key: string): boolean {
    return stages.get(key) === "prevented" && outcomes.get(key)?.state === "stopped";
  }

  /** False when there was nothing to do. */
  function leaveForsaken(): boolean {
    const waiting = nodes.filter((one) => stages.get(one.key) === "waiting" && isForsaken(one));
    for (const { key } of waiting) callOff(key, "its dependents were stopped meanwhile");
    // A launch is one of its own, and stays.
    for (const one of nodes)
      if (one.run.is === "task" && stages.get(one.key) === "going" && isForsaken(one))
        served.get(one.key)?.cancel.abort();
    return waiting.length > 0;
  }

  function advance(): void {
    if (isUp) return;
    for (;;) {
      if (leaveForsaken()) continue;
      const { go, prevent } = nextStep(nodes, stages);
      for (const { key, need } of prevent) {
        const because = `it needs ${need}, which ${outcomes.get(need)?.why ?? "did not come up"}`;
        if (outcomes.get(need)?.state === "stopped" && stages.get(key) === "waiting") {
          callOff(key, because);
          continue;
        }
        outcomes.set(key, {
          ...(outcomes.get(key) as Outcome),
          state: "prevented",
          why: `was not started: ${because}`,
        });
        stages.set(key, "prevented");
        emit({ is: "prevented", key, because });
        dropTicket(ground, byKey.get(key)?.run.spec as LaunchSpec);
        end(key, { is: "terminate", by: "signal", signal: "SIGTERM" });
      }
      if (prevent.length > 0) continue;
      for (const key of go) {
        stages.set(key, "going");
        void begin(byKey.get(key) as UpNode);
      }
      break;
    }
    if (settling.size > 0 || ![...stages.values()].every((stage) => SETTLED[stage])) return;
    isUp = true;
    settled.resolve([...outcomes.values()]);
    emit({ is: "up", outcomes: [...outcomes.values()] });
  }

  async function begin(node: UpNode): Promise<void> {
    const one: Served = {
      queue: makeQueue<HostRequest>(),
      cancel: new AbortController(),
      over: Promise.withResolvers(),
    };
    served.set(node.key, one);
    try {
      if (node.run.is === "launch") await serve(node.run.spec, one);
      else {
        const stopped = watchTicket(ground, node.run.spec);
        const signal = AbortSignal.any([one.cancel.signal, stopped.signal]);
        const onReason = (why: string) =>
          emit({ is: "launch", key: node.key, event: { is: "note", text: `${node.key} is not skipped: ${why}` } });
        const onBegin = () => emit({ is: "task", key: node.key, event: { is: "begun" } });
        const event = await runTask(ground, { ...node.run.spec, onReason, onBegin }, signal).finally(stopped.close);
        refuseCalledOff(ground, node.run.spec);
        if (isForsaken(node)) throw forsakenError(node.key);
        emit({ is: "task", key: node.key, event });
        if (event.is === "unchanged") become(node.key, "completed", { state: "unchanged", unchanged: true });
        else if (event.exit.code === 0) become(node.key, "completed", { state: "completed", log: event.exit.log });
        else become(node.key, "failed", { state: "failed", log: event.exit.log, why: event.exit.text });
      }
    } catch (error) {
      failToStart(node.key, error, one.cancel.signal.aborted);
    }
    dropTicket(ground, node.run.spec);
    served.delete(node.key);
    one.over.resolve();
  }

  function failToStart(key: string, error: unknown, isCancelled: boolean): void {
    if (isCalledOff(error)) {
      const because = messageOf(error).replace(`${key} was not started: `, "").replace(/\.$/, "");
      if (stages.get(key) !== "prevented") callOff(key, because);
      advance();
    } else if (isCancelled && (error as { name?: string }).name === "AbortError") {
      const because = stopping === null ? "cancelled" : causeOf(stopping);
      emit({ is: "prevented", key, because });
      become(key, "failed", { state: "prevented", pid: null, why: `was not started: ${because}` });
    } else {
      emit({ is: "launch", key, event: { is: "failed", error: failureOf(error) } });
      become(key, "failed", { state: "failed", pid: null, why: `could not be started: ${messageOf(error)}` });
    }
  }

  async function serve(spec: LaunchSpec, { queue, cancel }: Served): Promise<void> {
    const { key } = spec;
    const report = (event: LaunchEvent) => {
      emit({ is: "launch", key, event });
      if (event.is === "spawned") {
        if (!event.probed) settle(key);
        become(key, event.probed ? "started" : "ready", { ...event.line, why: null });
      } else if (event.is === "ready") become(key, "ready", { ...event.line, why: null });
      else if (event.is === "unchanged") become(key, "ready", { ...event.line, unchanged: true });
      else if (event.is === "unhealthy")
        become(key, "unhealthy", { ...event.line, why: `is not ready in time: ${event.why}` });
      else if (event.is === "ended") becomeEnded(key, event.exit);
      else if (event.is === "restarting") becomeWaiting(key, event.because);
    };
    const control: HostControl = {
      arrived: queue.arrived,
      take: queue.take,
      hard,
      cancel: cancel.signal,
      watchMembers,
      onRun: (record) => {
        token = record.token;
        if (cancel.signal.aborted && stopping !== null) queue.push(stopping);
      },
      resolveAnew: (one) => resolveAnew(ground, one),
    };
    let token = "";
    const end = await hostLaunch(ground, spec, report, control);
    if (end.is === "unchanged") return report(await settledEvent(ground, end.record, cancel.signal));
    if (end.is === "taken") release(ground, token);
    if (end.exit === null) return;
    if (end.exit.reason !== "replaced" || stages.get(key) === "ready") return report({ is: "ended", exit: end.exit });
    unsettle(key);
    emit({ is: "launch", key, event: { is: "note", text: `${key} was ${end.exit.text}, which is waited for` } });
    await followAnother(key, end.exit, cancel.signal);
  }

  /** Somebody started the key anew before it was up: what needs it needs that launch now. */
  async function followAnother(key: string, replaced: ExitRecord, signal: AbortSignal): Promise<void> {
    const { awaitSettled } = await import("../run/settle.ts");
    const settled = await awaitSettled(ground, key, { signal });
    if (settled.is === "ended") return becomeEnded(key, settled.exit ?? replaced);
    const line = lineOf(settled.record, settled.is);
    if (settled.is === "unhealthy") become(key, "unhealthy", { ...line, why: `is not ready in time: ${settled.why}` });
    else become(key, "ready", { ...line, why: null });
  }

  function settle(key: string): void {
    const timer = setTimeout(() => {
      settling.delete(key);
      advance();
    }, SETTLE_MS);
    settling.set(key, timer);
  }

  /** True when it has run too short a time to be up. */
  function unsettle(key: string): boolean {
    clearTimeout(settling.get(key));
    return settling.delete(key);
  }

  function becomeEnded(key: string, exit: ExitRecord): void {
    const wasUp = stages.get(key) === "ready";
    unsettle(key);
    if (exit.reason === "stopped" || exit.reason === "interrupted")
      become(key, "failed", { state: "stopped", pid: null, why: `was ${exit.text}` });
    // What has no `ready` and ended well has done what it does: what needs it goes on.
    else if (exit.reason === "exited" && wasUp) become(key, "ready", { state: "exited", pid: null, why: exit.text });
    else become(key, "failed", { state: "failed", pid: null, why: exit.text });
  }

  function becomeWaiting(key: string, because: string): void {
    unsettle(key);
    const count = (restarts.get(key) ?? 0) + 1;
    restarts.set(key, count);
    if (count < mostRestarts) become(key, "going", { state: "backoff", pid: null });
    else
      become(key, "failed", {
        state: "backoff",
        pid: null,
        why: `is not up: it ${because}, after ${count - 1} restarts; its policy goes on`,
      });
  }

  function end(key: string, request: EndingRequest): void {
    const one = served.get(key);
    one?.cancel.abort();
    one?.queue.push(request);
  }

  async function over(): Promise<void> {
    await settled.promise;
    while (served.size > 0) await Promise.all([...served.values()].map((one) => one.over.promise));
  }

  advance();
  const looking = setInterval(lookForStops, LOOK_EVERY_MS);
  return {
    settled: settled.promise,
    over: over(),
    stop(request) {
      if (stopping !== null) return;
      stopping = request;
      for (const [key, stage] of stages) {
        if (stage !== "waiting") continue;
        stages.set(key, "prevented");
        outcomes.set(key, {
          ...(outcomes.get(key) as Outcome),
          state: "prevented",
          why: `was not started: ${causeOf(request)}`,
        });
        dropTicket(ground, byKey.get(key)?.run.spec as LaunchSpec);
      }
      for (const [key] of served) {
        const before = (dependents.get(key) ?? []).flatMap((one) => served.get(one)?.over.promise ?? []);
        void Promise.all(before).then(() => end(key, request));
      }
    },
    claim() {
      for (const [key, { queue }] of served) claimRequests(ground, key, queue.push);
    },
  };
}

function forsakenError(key: string): DtError {
  return new DtError("called-off", `${key} was not started: its dependents were stopped meanwhile.`);
}

/** What a person did meanwhile. */
function causeOf(request: EndingRequest): string {
  if (request.is === "interrupt") return "Ctrl-C came first";
  return request.by === "hangup" ? "the terminal was closed first" : `${request.signal} came first`;
}

/** Whoever took the launch waits for this; when they removed its files already, what is written here goes soon. */
function release(ground: Ground, token: string): void {
  const history = ground.store.history(token);
  const run = {
    history: history.is === "there" ? history.value : { version: 1, token, ready: null, exited: null, adopted: [] },
  };
  writeHistory(ground, run as never, { released: new Date().toISOString() });
}

function blank(ground: Ground, key: string): Outcome {
  const log = ground.store.path(key, "log");
  return { key, state: "waiting", pid: null, port: null, url: null, log, unchanged: false, why: null };
}
