/**
 * The host's side of a detached start: reads what to start, hosts it, and reports through its standard output as long
 * as a caller listens.
 */
import { openStore } from "../../state/store.ts";
import type { LockBackend } from "../../sys/lock/lock.ts";
import { makeProcessTable } from "../../sys/process/table.ts";
import { readInput as readStandardInput, writeText } from "../../sys/stdio/stdio.ts";
import { makeMoving } from "../ground/moving.ts";
import { resolveAnew } from "../ground/spec.ts";
import { hostAgain, hostLaunch } from "../host/host.ts";
import { claimRequests, RESTART_SIGNAL } from "../host/request.ts";
import { toFailure } from "../launch/failure.ts";
import { makeGround } from "../launch/ground.ts";
import type { Ground, Report } from "../launch/types.ts";
import { callerEnvironment } from "../prepare/selfenv.ts";
import { makeRequestQueue } from "../run/queue.ts";
import type { HostControl, HostRequest } from "../run/types.ts";
import { isVisible } from "../ticket/namehost.ts";
import { holdTicket, mayWait } from "../ticket/ticket.ts";
import { reportJoined, settledEvent } from "./settled.ts";
import { CANCEL, type HostGround, type HostInput } from "./wire.ts";

/** What a host's process knows of itself: how it starts dt, and its environment. */
export interface HostProcess {
  self: readonly string[];
  env: Record<string, string | undefined>;
}

/** Returns the exit status of the host process, which only a user who debugs it sees. */
export async function runDetachedHost(host: HostProcess): Promise<number> {
  const queue = makeRequestQueue<HostRequest>();
  const cancel = new AbortController();
  let started = false;
  const input = await readHostInput<HostInput>(() => {
    // Before the spawn this cancels the start; after the spawn the launch is stopped.
    cancel.abort();
    if (started) queue.push({ is: "interrupt" });
  });
  if (input === null) return 1; // the caller was killed before it could say what to start
  const { key } = input.spec;
  return reporting(key, async (report) => {
    const ground = callerGroundOf(input, host);
    if (mayWait(input.spec.settings) || isVisible(ground, input.spec)) holdTicket(ground, input.spec);
    const onRun = () => {
      started = true;
      if (cancel.signal.aborted) queue.push({ is: "interrupt" });
    };
    const control = makeControl({ ground, key, queue, cancel: cancel.signal, onRun });
    const end = await hostLaunch({ ground, report, control }, input.spec);
    if (end.is === "unchanged") report(await settledEvent(ground, { record: end.record, signal: cancel.signal }));
    else if (end.is === "joined") await reportJoined(ground, { record: end.record, signal: cancel.signal, report });
    else if (end.exit !== null) report({ is: "ended", exit: end.exit });
  });
}

/** A failure is the last event that the host reports. */
async function reporting(key: string, work: (report: Report) => Promise<void>): Promise<number> {
  const report = makeReport(key);
  try {
    await work(report);
    return 0;
  } catch (error) {
    report({ is: "failed", error: toFailure(error) });
    return 1;
  }
}

export interface AdoptInput extends HostGround {
  key: string;
}

/** Hosts a launch whose own host is gone. No caller listens: errors are in host.err. */
export async function runAdoptingHost(host: HostProcess): Promise<number> {
  const input = await readHostInput<AdoptInput>(() => {});
  if (input === null) return 1;
  return reporting(input.key, async (report) => {
    const ground = callerGroundOf(input, host);
    const { key } = input;
    const { signal: cancel } = new AbortController();
    const control = makeControl({ ground, key, queue: makeRequestQueue<HostRequest>(), cancel, onRun() {} });
    await hostAgain({ ground, report, control }, key);
  });
}

/** A failure goes to host.err if the caller is gone. */
function makeReport(key: string): Report {
  return (event) => {
    if (writeText(1, `${JSON.stringify(event)}\n`) !== "written" && event.is === "failed")
      writeText(2, `${new Date().toISOString()} ${key}: ${event.error.message}\n`);
  };
}

interface ControlRequest {
  ground: Ground;
  key: string;
  queue: ReturnType<typeof makeRequestQueue<HostRequest>>;
  cancel: AbortSignal;
  onRun(): void;
}

function makeControl({ ground, key, queue, cancel, onRun }: ControlRequest): HostControl {
  for (const signal of ["SIGINT", "SIGHUP"] as const) process.on(signal, () => {});
  process.on("SIGTERM", () => queue.push({ is: "terminate", by: "signal", signal: "SIGTERM" }));
  process.on(RESTART_SIGNAL, () => claimRequests(ground, { key, push: queue.push }));
  return {
    arrived: queue.arrived,
    take: queue.take,
    hard: new AbortController().signal,
    cancel,
    onRun,
    resolveAnew: (spec) => resolveAnew(ground, spec),
  };
}

/** The ground as the caller has it, for this process. */
export function callerGroundOf(input: HostGround, { self, env }: HostProcess): Ground {
  const table = makeProcessTable();
  const store = openStore({ directory: input.runDirectory, home: input.home, table });
  const ground = makeGround({
    table: () => table,
    store: () => store,
    root: input.root,
    home: input.home,
    env: callerEnvironment(env),
    cache: input.cache,
    self,
    openFiles: () => (input.openFiles === null ? null : BigInt(input.openFiles)),
    lockBackend: (input.lockBackend as LockBackend | null) ?? undefined,
    ...(input.reading === undefined ? {} : { reading: input.reading }),
    isStrange: () => input.isStrange,
    owner: input.owner ?? null,
  });
  return makeMoving(ground);
}

/**
 * The first line says what to start; null: the input ended before it. A later `cancel` is the caller's Ctrl-C. The mere
 * end of the input means nothing.
 */
export function readHostInput<Input>(onCancel: () => void): Promise<Input | null> {
  return new Promise((resolve) => {
    void (async () => {
      const decoder = new TextDecoder();
      let text = "";
      let first = true;
      for await (const chunk of readStandardInput()) {
        text += decoder.decode(chunk, { stream: true });
        const lines = text.split("\n");
        text = lines.pop() ?? "";
        for (const line of lines) {
          if (first) {
            first = false;
            resolve(JSON.parse(line) as Input);
          } else if (line === CANCEL) onCancel();
        }
      }
      if (first) resolve(null);
    })();
  });
}
