/** A run begins: all that its host does beside waiting for its end. */
import type { LaunchRecord } from "../state/types.ts";
import type { HostedTerminal } from "./hostterminal.ts";
import { watchOwner } from "./owner.ts";
import type { PreparedLaunch } from "./prepare.ts";
import type { Ground, LaunchSpec, Leader, OwnControl, Report, Run } from "./types.ts";
import { watchLog } from "./watchlog.ts";
import { watchMembers } from "./watchmembers.ts";
import { watchHealth } from "./watchready.ts";
import { watchRecord } from "./watchrecord.ts";

export function beginRun(
  ground: Ground,
  spec: LaunchSpec,
  started: { record: LaunchRecord; leader: Leader; prepared: PreparedLaunch },
  report: Report,
  control: OwnControl,
): Run {
  const { record, leader, prepared } = started;
  const over = new AbortController();
  const run: Run = {
    spec,
    record,
    leader,
    prepared,
    over,
    state: record.probed ? "starting" : "up",
    history: {
      version: 1,
      token: record.token,
      ready: record.probed ? { is: "waiting" } : null,
      exited: null,
      adopted: [],
    },
  };
  leader.exited.then(() => over.abort());
  control.onRun(record);
  if (ground.many === undefined) watchMembers(ground, run, control.children);
  else ground.many.watchMembers(run, control.children);
  watchRecord(ground, run, report);
  watchLog(ground, run, report);
  watchOwner(ground, run, control);
  if (leader.terminal !== undefined) void serve(ground, run, leader.terminal, report);
  if (record.probed || record.alive === true) void watchHealth(ground, run, report, control);
  return run;
}

async function serve(ground: Ground, run: Run, terminal: HostedTerminal, report: Report): Promise<void> {
  const { serveTerminal } = await import("./attachserver.ts");
  if (!run.over.signal.aborted) serveTerminal(ground, run, terminal, report);
}
