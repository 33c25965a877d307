/** The host's side of the pipe for a host of many launches, as child.ts is for a host of one. */
import { writeText } from "../../sys/stdio/stdio.ts";
import { RESTART_SIGNAL } from "../host/request.ts";
import { toFailure } from "../launch/failure.ts";
import { holdTicket } from "../ticket/ticket.ts";
import { bringUp, MOST_RESTARTS, type Up } from "./bringup.ts";
import { callerGroundOf, type HostProcess, readHostInput } from "./child.ts";
import type { HostedEvent, UpNode } from "./types.ts";
import type { HostGround } from "./wire.ts";

/** How long after the last start the host is idle, in milliseconds. */
const SETTLED_MS = 1000;

export interface UpInput extends HostGround {
  nodes: UpNode[];
}

export async function runHostOfMany(host: HostProcess): Promise<number> {
  let up: Up | null = null;
  const hard = new AbortController();
  // A cancel may come before there is anything to stop.
  const cancel = new AbortController();
  const input = await readHostInput<UpInput>(() => cancel.abort());
  if (input === null) return 1; // the caller was killed before it could say what to start
  for (const signal of ["SIGINT", "SIGHUP"] as const) process.on(signal, () => {});
  process.on("SIGTERM", () => up?.stop({ is: "terminate", by: "signal", signal: "SIGTERM" }));
  process.on(RESTART_SIGNAL, () => up?.claim());
  const report = (event: HostedEvent) => void writeText(1, `${JSON.stringify(event)}\n`);
  try {
    const ground = callerGroundOf(input, host);
    for (const { run } of input.nodes) holdTicket(ground, run.spec);
    const begun = bringUp({ ground, nodes: input.nodes, hard: hard.signal, emit: report, mostRestarts: MOST_RESTARTS });
    up = begun;
    cancel.signal.addEventListener("abort", () => begun.stop({ is: "interrupt" }));
    if (cancel.signal.aborted) begun.stop({ is: "interrupt" });
  } catch (error) {
    report({ is: "failed", error: toFailure(error) });
    return 1;
  }
  // The memory that starting needed is not needed while they run.
  void up.settled.then(() => setTimeout(() => Bun.gc(true), SETTLED_MS).unref());
  await up.over;
  return 0;
}
