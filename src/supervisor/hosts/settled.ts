/** A launch that a start finds, and reports without making one of its own: another start's, or another host's. */
import type { LaunchRecord } from "../../state/types.ts";
import { isHostless } from "../host/adopt.ts";
import { hostAgain } from "../host/host.ts";
import { lineOf } from "../launch/line.ts";
import type { Ground, LaunchEvent, LaunchSpec, Report } from "../launch/types.ts";
import type { Host, HostControl, HostEnd } from "../run/types.ts";
import { dropTicket } from "../ticket/ticket.ts";

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

/**
 * The launch that a killed host made for this very start, whose caller asks the next host again: serves it, and reports
 * it as this start's. Null: there is none, so the launch is made now.
 */
export async function hostLeft(
  { ground, report, control }: Host<HostControl>,
  { spec, signal }: { spec: LaunchSpec; signal: AbortSignal },
): Promise<HostEnd | null> {
  if (leftByAnother(ground, spec) === null) return null;
  let isReported = false;
  return hostAgain(
    {
      ground,
      report,
      control: {
        ...control,
        onRun(record) {
          control.onRun(record);
          if (isReported) return;
          isReported = true;
          dropTicket(ground, spec);
          // From here on it has a host that finds out whether it is ready.
          void reportJoined(ground, { record, signal, report }).catch(() => {});
        },
      },
    },
    spec.key,
  );
}

function leftByAnother(ground: Ground, { key, askedAt, asker }: LaunchSpec): LaunchRecord | null {
  const read = ground.store.record(key);
  if (read.is !== "there" || askedAt === undefined || read.value.askedAt !== askedAt) return null;
  return read.value.startedBy.pid === asker.pid && isHostless(ground, read.value) ? read.value : null;
}
