/** Begins a run: starts all that its host does besides waiting for its end. */
import type { LaunchHistory, LaunchRecord } from "../../state/types.ts";
import type { LaunchSpec } from "../launch/types.ts";
import type { PreparedLaunch } from "../prepare/launch.ts";
import { writeHistory } from "../run/notes.ts";
import type { Host, HostedRun } from "../run/types.ts";
import type { Leader } from "../start/types.ts";
import type { HostedTerminal } from "../terminal/hosted.ts";
import { watchLog } from "../watch/log.ts";
import { watchMembers } from "../watch/members.ts";
import { watchOwner } from "../watch/owner.ts";
import { watchHealth } from "../watch/readiness.ts";
import { watchRecord } from "../watch/record.ts";

interface RunToBegin {
  spec: LaunchSpec;
  record: LaunchRecord;
  leader: Leader;
  prepared: PreparedLaunch;
  /** The history of a run that is taken over from another host. */
  known?: LaunchHistory | null | undefined;
}

export function beginRun(host: Host, { spec, record, leader, prepared, known = null }: RunToBegin): HostedRun {
  const { control } = host;
  const over = new AbortController();
  // It is launched: no caller waits for what its host starts from now on.
  const { ticket: _, ...own } = spec;
  const run: HostedRun = {
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
  if (control.watchMembers === undefined) watchMembers(host, run);
  else control.watchMembers(host, run);
  watchRecord(host, run);
  watchLog(host, run);
  watchOwner(host, run);
  if (leader.terminal !== undefined) void serve(host, { run, terminal: leader.terminal });
  if (record.probed || record.alive === true) void watchHealth(host, run);
  return run;
}

function stateOf({ probed }: LaunchRecord, known: LaunchHistory | null): HostedRun["state"] {
  if (known?.ready?.is === "unhealthy") return "unhealthy";
  return probed && known?.ready?.is !== "ready" ? "starting" : "up";
}

async function serve(
  { ground, report }: Host,
  { run, terminal }: { run: HostedRun; terminal: HostedTerminal },
): Promise<void> {
  const { serveTerminal } = await import("../watch/terminal.ts");
  const { record, spec, over } = run;
  if (over.signal.aborted) return;
  serveTerminal({
    record,
    terminal,
    place: { env: spec.env, home: ground.home },
    over: over.signal,
    onSocket: (socket) => writeHistory(ground, { run, change: { terminal: { socket } } }),
    say: (text) => report({ is: "note", text }),
  });
}
