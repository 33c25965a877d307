/** A run begins: all that its host does beside waiting for its end. */
import type { LaunchHistory, LaunchRecord } from "../../state/types.ts";
import type { Ground, LaunchSpec, Report } from "../launch/types.ts";
import type { PreparedLaunch } from "../prepare/launch.ts";
import type { OwnControl, Run } from "../run/types.ts";
import type { Leader } from "../start/types.ts";
import type { HostedTerminal } from "../terminal/hosted.ts";
import { watchLog } from "../watch/log.ts";
import { watchMembers } from "../watch/members.ts";
import { watchOwner } from "../watch/owner.ts";
import { watchHealth } from "../watch/readiness.ts";
import { watchRecord } from "../watch/record.ts";

/** `known`: what another host noted of a run that is taken over. */
export function beginRun(
  ground: Ground,
  spec: LaunchSpec,
  started: { record: LaunchRecord; leader: Leader; prepared: PreparedLaunch },
  report: Report,
  control: OwnControl,
  known: LaunchHistory | null = null,
): Run {
  const { record, leader, prepared } = started;
  const over = new AbortController();
  // It was launched: what its host starts again is no start that somebody waits for.
  const { ticket: _, ...own } = spec;
  const run: Run = {
    spec: own,
    record,
    leader,
    prepared,
    over,
    state: stateOf(record, known),
    history: known ?? {
      version: 1,
      token: record.token,
      ready: record.probed ? { is: "waiting" } : null,
      exited: null,
      adopted: [],
    },
  };
  leader.exited.then(() => over.abort());
  control.onRun(record);
  if (control.watchMembers === undefined) watchMembers(ground, run, control.children);
  else control.watchMembers(run, control.children);
  watchRecord(ground, run, report);
  watchLog(ground, run, report);
  watchOwner(ground, run, control);
  if (leader.terminal !== undefined) void serve(ground, run, leader.terminal, report);
  if (record.probed || record.alive === true) void watchHealth(ground, run, report, control);
  return run;
}

function stateOf({ probed }: LaunchRecord, known: LaunchHistory | null): Run["state"] {
  if (known?.ready?.is === "unhealthy") return "unhealthy";
  return probed && known?.ready?.is !== "ready" ? "starting" : "up";
}

async function serve(ground: Ground, run: Run, terminal: HostedTerminal, report: Report): Promise<void> {
  const { serveTerminal } = await import("../watch/terminal.ts");
  if (!run.over.signal.aborted) serveTerminal(ground, run, terminal, report);
}
