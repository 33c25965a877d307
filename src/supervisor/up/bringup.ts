/**
 * Many launches served by one host: what the graph allows is started in parallel, what a failed need forbids is not, and all is stopped in
 * reverse order of needs. Each launch is served as by a host of its own; what this host lets go of it says on disk (`released`).
 */
import { messageOf } from "../../sys/error.ts";
import { failureOf } from "../detach.ts";
import { beginHosting, hostLaunch } from "../host.ts";
import { settledEvent } from "../hosted.ts";
import { writeHistory } from "../notes.ts";
import { makeQueue } from "../queue.ts";
import { resolveAnew } from "../renew.ts";
import { claimRequests } from "../restart.ts";
import { runTask } from "../task.ts";
import type { EndingRequest, Ground, HostControl, HostRequest, LaunchEvent, LaunchSpec } from "../types.ts";
import { watchManyMembers } from "./members.ts";
import { nextStep, SETTLED, type Stage } from "./schedule.ts";
import type { Outcome, UpEvent, UpNode } from "./types.ts";

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

/** `ground` is this host's own: what is watched for all of them is put into it. */
export function bringUp(
  ground: Ground,
  nodes: readonly UpNode[],
  hard: AbortSignal,
  emit: (event: UpEvent) => void,
): Up {
  beginHosting(ground);
  ground.many = watchManyMembers(ground, (text) => emit({ is: "launch", key: "", event: { is: "note", text } }));
  const stages = new Map<string, Stage>(nodes.map(({ key }) => [key, "waiting"]));
  const outcomes = new Map<string, Outcome>(nodes.map(({ key }) => [key, blank(ground, key)]));
  const served = new Map<string, Served>();
  const byKey = new Map(nodes.map((node) => [node.key, node]));
  const settled = Promise.withResolvers<Outcome[]>();
  let stopping: EndingRequest | null = null;
  let isUp = false;

  function become(key: string, stage: Stage, change: Partial<Outcome>): void {
    if (stages.get(key) === "prevented") return;
    stages.set(key, stage);
    outcomes.set(key, { ...(outcomes.get(key) as Outcome), ...change });
    advance();
  }

  function advance(): void {
    if (isUp) return;
    for (;;) {
      const { go, prevent } = nextStep(nodes, stages);
      for (const { key, need } of prevent) {
        const because = `it needs ${need}, which ${outcomes.get(need)?.why ?? "did not come up"}`;
        outcomes.set(key, {
          ...(outcomes.get(key) as Outcome),
          state: "prevented",
          why: `was not started: ${because}`,
        });
        stages.set(key, "prevented");
        emit({ is: "prevented", key, because });
        end(key, { is: "terminate", by: "signal", signal: "SIGTERM" });
      }
      if (prevent.length > 0) continue;
      for (const key of go) {
        stages.set(key, "going");
        void begin(byKey.get(key) as UpNode);
      }
      break;
    }
    if (![...stages.values()].every((stage) => SETTLED[stage])) return;
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
        emit({ is: "task", key: node.key, event: { is: "begun" } });
        const event = await runTask(ground, node.run.spec, one.cancel.signal);
        emit({ is: "task", key: node.key, event });
        if (event.is === "unchanged") become(node.key, "completed", { state: "unchanged", unchanged: true });
        else if (event.exit.code === 0) become(node.key, "completed", { state: "completed", log: event.exit.log });
        else become(node.key, "failed", { state: "failed", log: event.exit.log, why: event.exit.text });
      }
    } catch (error) {
      emit({ is: "launch", key: node.key, event: { is: "failed", error: failureOf(error) } });
      become(node.key, "failed", { state: "failed", pid: null, why: `could not be started: ${messageOf(error)}` });
    }
    served.delete(node.key);
    one.over.resolve();
  }

  async function serve(spec: LaunchSpec, { queue, cancel }: Served): Promise<void> {
    const { key } = spec;
    const report = (event: LaunchEvent) => {
      emit({ is: "launch", key, event });
      if (event.is === "spawned") become(key, event.probed ? "started" : "ready", { ...event.line, why: null });
      else if (event.is === "ready") become(key, "ready", { ...event.line, why: null });
      else if (event.is === "unchanged") become(key, "ready", { ...event.line, unchanged: true });
      else if (event.is === "unhealthy")
        become(key, "unhealthy", { ...event.line, why: `is not ready in time: ${event.why}` });
      else if (event.is === "ended") become(key, "failed", { state: "failed", pid: null, why: event.exit.text });
      else if (event.is === "restarting") become(key, "going", { state: "backoff", pid: null });
    };
    const control: HostControl = {
      arrived: queue.arrived,
      take: queue.take,
      hard,
      cancel: cancel.signal,
      onRun: (record) => {
        token = record.token;
        if (cancel.signal.aborted && stopping !== null) queue.push(stopping);
      },
      resolveAnew: (one) => resolveAnew(ground, one),
    };
    let token = "";
    const end = await hostLaunch(ground, spec, report, control);
    if (end.is === "unchanged") return report(await settledEvent(ground, end.record));
    if (end.is === "taken") release(ground, token);
    if (end.exit !== null) report({ is: "ended", exit: end.exit });
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
  return {
    settled: settled.promise,
    over: over(),
    stop(request) {
      if (stopping !== null) return;
      stopping = request;
      for (const [key, stage] of stages) {
        if (stage !== "waiting") continue;
        stages.set(key, "prevented");
        outcomes.set(key, { ...(outcomes.get(key) as Outcome), state: "prevented", why: "was not started: cancelled" });
      }
      for (const [key] of served) {
        const dependents = nodes.filter(({ needs }) => needs.some((need) => need.key === key));
        const before = dependents.flatMap((one) => served.get(one.key)?.over.promise ?? []);
        void Promise.all(before).then(() => end(key, request));
      }
    },
    claim() {
      for (const [key, { queue }] of served) claimRequests(ground, key, queue.push);
    },
  };
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
