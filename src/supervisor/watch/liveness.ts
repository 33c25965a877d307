/**
 * Probes whether a run that is up is still alive, as its manifest says. If it is not, shows it as unhealthy, or asks
 * the host to start it again.
 */
import { messageOf } from "../../sys/base/error.ts";
import { askAlive } from "../probe/alive.ts";
import { makeAttempt } from "../probe/kinds.ts";
import { sleepUnlessAborted } from "../probe/pause.ts";
import type { ProbeContext } from "../probe/types.ts";
import type { Host, HostedRun } from "../run/types.ts";
import { noteHealth } from "./health.ts";

export function watchAlive(host: Host, { run, asked }: { run: HostedRun; asked: ProbeContext }): void {
  const { signal } = run.over;
  const began = performance.now();
  const startedMsAgo = Math.max(0, Date.now() - Date.parse(run.record.startedAt));
  const failing = new Map<number, string>();
  for (const [index, probe] of run.spec.settings.alive.entries()) {
    // No notes: the `ready` probes have reported what the user should know.
    const attempt = makeAttempt({ ...asked, note: () => {} }, { probe, began });
    void askAlive({
      probe,
      attempt: () => attempt(probe.timeoutMs).catch(messageOf),
      uptimeMs: () => startedMsAgo + performance.now() - began,
      sleep: (ms) => sleepUnlessAborted(ms, signal),
      over: () => signal.aborted,
      onFailing(why) {
        if (probe.action === "restart") {
          host.control.ask({ is: "stuck", token: run.record.token, because: why });
          return true;
        }
        failing.set(index, why);
        noteHealth(host, { run, event: "failing", why: `not alive: ${[...failing.values()].join("; ")}` });
        return false;
      },
      onRecovered() {
        failing.delete(index);
        if (failing.size === 0) noteHealth(host, { run, event: "recovered" });
      },
    });
  }
}
