/** A launch of another host, as a start without a launch of its own reports it. */
import type { LaunchRecord } from "../../state/types.ts";
import { lineOf } from "../launch/line.ts";
import type { Ground, LaunchEvent, Report } from "../launch/types.ts";

interface Awaited {
  record: LaunchRecord;
  signal: AbortSignal;
}

/**
 * A launch that was left alone may still be starting: the event says what became of it. Throws when `signal` is
 * aborted.
 */
export async function settledEvent(ground: Ground, { record, signal }: Awaited): Promise<LaunchEvent> {
  const { awaitSettled } = await import("../run/settle.ts");
  const settled = await awaitSettled(ground, { key: record.key, signal });
  if (settled.is === "unhealthy")
    return { is: "unhealthy", line: lineOf(settled.record, "unhealthy"), why: settled.why };
  if (settled.is !== "ended") return { is: "unchanged", line: lineOf(settled.record, settled.is) };
  if (settled.exit !== null) return { is: "ended", exit: settled.exit };
  return { is: "unchanged", line: lineOf(record, "stopped") };
}

/** Reports the launch as its host would: that it is there, and then what became of it. Returns the last event. */
export async function reportJoined(
  ground: Ground,
  { record, signal, report }: Awaited & { report: Report },
): Promise<LaunchEvent> {
  const { probed, startedBy } = record;
  const tell = (event: LaunchEvent) => {
    report(event);
    return event;
  };
  const joined = tell({ is: "joined", line: lineOf(record, "running"), probed, by: startedBy });
  if (!probed) return joined;
  const began = performance.now();
  const event = await settledEvent(ground, { record, signal });
  const tookMs = Math.round(performance.now() - began);
  const isReady = event.is === "unchanged" && event.line.state === "ready";
  return tell(isReady ? { is: "ready", line: event.line, tookMs } : event);
}
