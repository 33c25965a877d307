/** What a person may ask of a host while its launch runs: an end, or a new run. */
import { messageOf } from "../../sys/base/error.ts";
import { presenceOf } from "../../sys/process/identity.ts";
import { endLaunch } from "../end/end.ts";
import type { EndRequest } from "../end/types.ts";
import type { Ground } from "../launch/types.ts";
import { lockOrLeave, ownRecord, taken } from "../run/lock.ts";
import { noteExit } from "../run/notes.ts";
import type { EndingRequest, Host, HostEnd, HostedRun, HostRequest, OwnRequest } from "../run/types.ts";
import { startLaunch } from "../start/start.ts";
import { beginRun } from "./begin.ts";

export async function endByRequest(
  host: Host,
  { run, request }: { run: HostedRun; request: EndingRequest },
): Promise<HostEnd> {
  const { ground, report, control } = host;
  const lock = await lockOrLeave(ground, { run, doing: doingOf(request) });
  if (lock === null) {
    const status = await run.leader.exited;
    noteExit(ground, { run, status });
    return taken(ground, { run, status });
  }
  try {
    const record = ownRecord(ground, run);
    if (record === null) return taken(ground, { run, status: await run.leader.exited });
    run.leader.exited.then((status) => noteExit(ground, { run, status }));
    const ended = await endLaunch(ground, {
      record,
      ...endOf(run, request),
      hard: control.hard,
      ownExit: run.leader.exited,
      isOwn: true,
    });
    if (ended.left !== null) report({ is: "note", text: ended.left });
    return { is: "ended", exit: ended.exit };
  } finally {
    run.over.abort();
    lock.release();
  }
}

/** The next run's terminal is as large as this one's. */
export function sizeOf(run: HostedRun) {
  return run.leader.terminal?.size() ?? null;
}

export function isEnding(request: HostRequest | OwnRequest): request is EndingRequest {
  return request.is === "interrupt" || request.is === "terminate";
}

export function doingOf(request: EndingRequest): string {
  return request.is === "interrupt" ? "stop (Ctrl-C)" : `stop (${request.signal})`;
}

export function endOf({ spec, record }: HostedRun, request: EndingRequest): Pick<EndRequest, "how" | "by" | "signal"> {
  if (request.is === "interrupt") return { how: "interrupt", by: { ...spec.asker, by: "interrupt" }, signal: "SIGINT" };
  if (request.by === "owner") {
    const { pid = 0, command = "" } = record.owner ?? {};
    return { how: "stop", by: { by: "owner", pid, command } };
  }
  return { how: "stop", by: { ...spec.asker, by: request.by } };
}

/**
 * A launch with a living host is restarted by that host. It goes on if it was begun after the restart was asked for
 * (start/join.ts). If the new start fails before the old launch was touched, the old one goes on too. If the old launch
 * has already been ended, the failure is recorded, and ends the host too.
 */
export async function restartNow(
  host: Host,
  { run, request }: { run: HostedRun; request: Extract<HostRequest, { is: "restart" }> },
): Promise<HostedRun | null> {
  const { ground, report } = host;
  // A cascaded restart keeps the environment of the user who started this launch.
  const isCascade = request.spec.asker.by === "policy";
  const from = isCascade ? run.spec : request.spec;
  const spec = {
    ...request.spec,
    env: from.env,
    inherits: from.inherits,
    ...(from.unlike === undefined ? {} : { unlike: from.unlike }),
    detached: run.spec.detached,
    terminal: sizeOf(run),
    owner: run.spec.owner ?? null,
  };
  try {
    run.leader.exited.then((status) => noteExit(ground, { run, status }));
    const started = await startLaunch({
      ground,
      report,
      spec,
      options: {
        restarts: run.record.restarts + 1,
        mayJoin: !isCascade,
        ownExit: run.leader.exited,
        replaces: run.record.token,
      },
    });
    if (started.is === "joined") {
      request.done({ is: "joined" });
      return null;
    }
    if (started.is !== "started") throw new Error(`a restart cannot be ${started.is}`);
    run.over.abort();
    request.done({ is: "restarted" });
    return beginRun(host, { spec, ...started });
  } catch (error) {
    request.done({ is: "failed", error });
    if (isEndedForAnother(ground, run)) {
      run.over.abort();
      throw error;
    }
    report({ is: "note", text: `not restarted: ${messageOf(error)}` });
    return null;
  }
}

/** No record is left, and the last exit is that of the start that was to take this launch's place. */
export function isEndedForAnother({ store, table }: Ground, { record }: HostedRun): boolean {
  if (store.record(record.key).is !== "absent") return false;
  if (record.leader === null || presenceOf(table, record.leader) === "alive") return false;
  const exit = store.exit(record.key);
  return exit.is === "there" && exit.value.token !== record.token && exit.value.reason === "start-failed";
}
