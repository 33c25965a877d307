/** A detached host's own side: reads what to start, hosts it, reports through its standard output as long as somebody listens. */
import { openStore } from "../state/store.ts";
import type { LaunchRecord } from "../state/types.ts";
import type { LockBackend } from "../sys/lock.ts";
import { makeProcessTable } from "../sys/process.ts";
import { readInput as readStandardInput, writeAll } from "../sys/stdio.ts";
import { CANCEL, failureOf, type HostGround, type HostInput } from "./detach.ts";
import { hostLaunch } from "./host.ts";
import { makeQueue } from "./queue.ts";
import { resolveAnew } from "./renew.ts";
import { claimRequests, RESTART_SIGNAL } from "./restart.ts";
import { awaitSettled } from "./settle.ts";
import { lineOf } from "./start.ts";
import type { Ground, HostControl, LaunchEvent } from "./types.ts";

/** Gives the exit status of the host process, which nobody but a debugging person sees. */
export async function runDetachedHost(self: readonly string[]): Promise<number> {
  const queue = makeQueue();
  const cancel = new AbortController();
  let started = false;
  const input = await readInput<HostInput>(() => {
    // Before the spawn the start gives itself up; after it the launch is stopped.
    cancel.abort();
    if (started) queue.push({ is: "interrupt" });
  });
  if (input === null) return 1; // the caller was killed before it could say what to start
  const ground = groundOf(input, self);
  const report = (event: LaunchEvent) => {
    // What went wrong goes to host.err when whoever asked has gone.
    if (writeAll(1, `${JSON.stringify(event)}\n`) !== "written" && event.is === "failed")
      writeAll(2, `${new Date().toISOString()} ${input.spec.key}: ${event.error.message}\n`);
  };
  const control: HostControl = {
    arrived: queue.arrived,
    take: queue.take,
    hard: new AbortController().signal,
    cancel: cancel.signal,
    onRun: () => {
      started = true;
      if (cancel.signal.aborted) queue.push({ is: "interrupt" });
    },
    resolveAnew: (spec) => resolveAnew(ground, spec),
  };
  for (const signal of ["SIGINT", "SIGHUP"] as const) process.on(signal, () => {});
  process.on("SIGTERM", () => queue.push({ is: "terminate", by: "signal", signal: "SIGTERM" }));
  process.on(RESTART_SIGNAL, () => claimRequests(ground, input.spec.key, queue.push));
  try {
    const end = await hostLaunch(ground, input.spec, report, control);
    if (end.is === "unchanged") report(await settledEvent(ground, end.record));
    else if (end.exit !== null) report({ is: "ended", exit: end.exit });
    return 0;
  } catch (error) {
    report({ is: "failed", error: failureOf(error) });
    return 1;
  }
}

/** The launch that was left alone may be starting still: what is told of it is what becomes of it. */
export async function settledEvent(ground: Ground, record: LaunchRecord): Promise<LaunchEvent> {
  const settled = await awaitSettled(ground, record.key);
  if (settled.is === "unhealthy")
    return { is: "unhealthy", line: lineOf(settled.record, "unhealthy"), why: settled.why };
  if (settled.is !== "ended") return { is: "unchanged", line: lineOf(settled.record, settled.is) };
  if (settled.exit !== null) return { is: "ended", exit: settled.exit };
  return { is: "unchanged", line: lineOf(record, "stopped") };
}

/** The ground as the caller has it. */
export function groundOf(input: HostGround, self: readonly string[]): Ground {
  return {
    table: makeProcessTable(),
    store: openStore(input.runDirectory),
    root: input.root,
    home: input.home,
    cache: input.cache,
    self,
    openFiles: input.openFiles === null ? null : BigInt(input.openFiles),
    lockBackend: (input.lockBackend as LockBackend | null) ?? undefined,
  };
}

/** The first line is what to start; a later `cancel` is the caller's Ctrl-C; the mere end of the input means nothing. */
export function readInput<Input>(onCancel: () => void): Promise<Input | null> {
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
