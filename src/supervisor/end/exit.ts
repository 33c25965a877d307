/** How a launch ended: the status that its host noted, and the reason, which depends on what ended it. */
import { readLastLines } from "../../logs/tail.ts";
import type { Asker, ExitReason, ExitRecord, LaunchHistory, LaunchRecord } from "../../state/types.ts";
import { isSuccess } from "../../state/view.ts";
import { presenceOf } from "../../sys/process/identity.ts";
import { LAST_LINES, makeExit } from "../launch/exit.ts";
import type { Site } from "../launch/types.ts";
import type { EndRequest, LeaderEnd } from "./types.ts";

/** How long a host may take to note its leader's exit once the tree is gone. */
const EXIT_NOTE_MS = 1000;

/** Only the host, as the parent, learns the exit status. It notes it in the launch's history, or dies before it can. */
export async function readStatus(
  ground: Site,
  { record, request }: { record: LaunchRecord; request: EndRequest },
): Promise<LeaderEnd> {
  const now = () => new Date().toISOString();
  if (request.ownExit !== undefined) {
    const own = await Promise.race([request.ownExit, Bun.sleep(EXIT_NOTE_MS).then(() => null)]);
    // No host can see the exit status of a launch that was taken over from a killed host.
    if (own !== null) return { known: own.code !== null || own.signal !== null, ...own, at: now() };
  }
  const deadline = performance.now() + EXIT_NOTE_MS;
  for (;;) {
    const exited = exitedOf(ground.store.history(record.token));
    if (exited !== null) return { known: true, ...exited };
    const hopeless = record.leader === null || presenceOf(ground.table, record.host) !== "alive";
    if (hopeless || performance.now() > deadline) {
      const late = exitedOf(ground.store.history(record.token));
      return late === null ? { known: false, code: null, signal: null, at: now() } : { known: true, ...late };
    }
    await Bun.sleep(1);
  }
}

function exitedOf(history: ReturnType<Site["store"]["history"]>): LaunchHistory["exited"] {
  return history.is === "there" ? history.value.exited : null;
}

/** The reason for an end that another dt began and this one finishes, by who began it; default: `stopped`. */
const BEGUN: Partial<Record<Asker["by"], ExitReason>> = {
  rerun: "replaced",
  policy: "replaced",
  interrupt: "interrupted",
};

export const REASONS: Record<EndRequest["how"], ExitReason> = {
  stop: "stopped",
  replace: "replaced",
  interrupt: "interrupted",
  sweep: "exited",
};

interface EndFacts {
  /** As it was before the stop. */
  record: LaunchRecord;
  request: EndRequest;
  /** As it is marked now. */
  stopping: LaunchRecord;
  status: LeaderEnd;
  /** Processes that had to be killed. */
  killed: number;
}

export function makeEndExit({ record, request, stopping, status, killed }: EndFacts): ExitRecord {
  // The launch was stopped by the process that began the stop, even if another dt had to finish it.
  const begun = record.phase === "stopping" ? record.stopping : null;
  const bySelf = request.how === "sweep" && begun === null;
  return makeExit(record, {
    code: status.code,
    signal: status.signal,
    at: status.at,
    reason: reasonOf(record, { request, begun, status }),
    by: bySelf ? null : (stopping.stopping?.by ?? request.by),
    lastLines: readLastLines(record.log, { lines: LAST_LINES }),
    killed,
  });
}

function reasonOf(
  record: LaunchRecord,
  { request, begun, status }: { request: EndRequest; begun: LaunchRecord["stopping"]; status: LeaderEnd },
): ExitReason {
  if (begun !== null) return BEGUN[begun.by.by] ?? "stopped";
  if (request.how !== "sweep") return REASONS[request.how];
  if (!status.known) return "unknown";
  return isSuccess(record, status.code) ? "exited" : "failed";
}
