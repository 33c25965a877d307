/** What a host notes about its own launch, in the one file that it writes without the lock. */
import type { LaunchHistory } from "../../state/types.ts";
import type { EndStatus } from "../../sys/base/status.ts";
import type { Ground } from "../launch/types.ts";
import type { HostedRun } from "./types.ts";

/** A host's notes are its own file; losing one (a full disk) must not end the launch. */
export function writeHistory(
  ground: Ground,
  { run, change }: { run: HostedRun; change: Partial<LaunchHistory> },
): void {
  run.history = { ...run.history, ...change };
  try {
    ground.store.writeHistory(run.history);
  } catch {
    // without it `ps` shows less, never something false
  }
}

export function noteExit(ground: Ground, { run, status }: { run: HostedRun; status: EndStatus }): void {
  if (status.code === null && status.signal === null) return; // nobody saw how it ended
  writeHistory(ground, { run, change: { exited: { ...status, at: new Date().toISOString() } } });
}
