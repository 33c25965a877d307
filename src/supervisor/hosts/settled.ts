/** What became of a launch that a start left alone. */
import type { LaunchRecord } from "../../state/types.ts";
import { lineOf } from "../launch/line.ts";
import type { Ground, LaunchEvent } from "../launch/types.ts";

/** It may still be starting. Throws when `signal` is aborted. */
export async function settledEvent(
  ground: Ground,
  { record, signal }: { record: LaunchRecord; signal: AbortSignal },
): Promise<LaunchEvent> {
  const { awaitSettled } = await import("../run/settle.ts");
  const settled = await awaitSettled(ground, { key: record.key, signal });
  if (settled.is === "unhealthy")
    return { is: "unhealthy", line: lineOf(settled.record, "unhealthy"), why: settled.why };
  if (settled.is !== "ended") return { is: "unchanged", line: lineOf(settled.record, settled.is) };
  if (settled.exit !== null) return { is: "ended", exit: settled.exit };
  return { is: "unchanged", line: lineOf(record, "stopped") };
}
