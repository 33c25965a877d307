/**
 * Starts a new run because files changed. The launch's own host does it, as long as the launch is its own and is
 * wanted.
 */
import type { Asker, LaunchRecord } from "../../state/types.ts";
import { DtError, messageOf } from "../../sys/base/error.ts";
import { identifySelf, type ProcessIdentity } from "../../sys/process/identity.ts";
import type { Ground } from "../launch/types.ts";
import { noteExit } from "../run/notes.ts";
import type { Host, HostedRun } from "../run/types.ts";
import { startLaunch } from "../start/start.ts";
import { whileWanted } from "../start/wanted.ts";
import { beginRun } from "./begin.ts";
import { isEndedForAnother, sizeOf } from "./onrequest.ts";

/**
 * In milliseconds. A host never waits for the lock ahead of a process that ends its launch: that process waits for the
 * host to leave.
 */
const TRY_AGAIN_MS = 20;

/** Null when the launch goes on as it is: another process is changing it, or it could not be started again. */
export async function restartForChange(
  host: Host,
  { run, because }: { run: HostedRun; because: string },
): Promise<HostedRun | null> {
  const { ground, report, control } = host;
  const { key, token, restarts } = run.record;
  const isMine = () => {
    const record = ground.store.record(key);
    return record.is === "there" && record.value.token === token && record.value.phase === "running";
  };
  const stillWanted = () => isMine() && wantsRun(ground, run.record) && !control.cancel.aborted;
  run.leader.exited.then((status) => noteExit(ground, { run, status }));
  while (stillWanted()) {
    const resolved = (await whileWanted(stillWanted, control.resolveAnew(run.spec))) ?? run.spec;
    const spec = { ...resolved, ensure: false, terminal: sizeOf(run) };
    const asker = changeAsker(identifySelf(ground.table), because);
    report({ is: "note", text: `${key} is restarted because ${because}` });
    try {
      const asked = { ...spec, asker, lockTimeoutMs: 0 };
      const started = await startLaunch({
        ground,
        report,
        spec: asked,
        options: { restarts: restarts + 1, ownExit: run.leader.exited, stillWanted, replaces: token },
      });
      if (started.is !== "started") return null;
      run.over.abort();
      return beginRun(host, { spec, ...started });
    } catch (error) {
      if (error instanceof DtError && error.code === "lock-timeout") {
        await Bun.sleep(TRY_AGAIN_MS);
        continue;
      }
      if (isEndedForAnother(ground, run)) {
        run.over.abort();
        throw error;
      }
      report({ is: "note", text: `not restarted: ${messageOf(error)}` });
      return null;
    }
  }
  return null;
}

export function changeAsker(self: ProcessIdentity, because: string): Asker {
  return { by: "policy", pid: self.pid, command: "`restartOn` in the manifest", because };
}

/**
 * True unless a stop is wanted since this run began. An older want came back with a restored file; a missing or
 * unreadable one was lost.
 */
export function wantsRun({ store }: Ground, { key, startedAt }: Pick<LaunchRecord, "key" | "startedAt">): boolean {
  const want = store.want(key);
  return want.is !== "there" || want.value.want === "run" || want.value.at < startedAt;
}
