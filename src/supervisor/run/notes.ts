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

/**
 * The process that takes the launch over waits for this. If it has already removed the launch's files, the file written
 * here is removed soon.
 */
export function release(ground: Ground, token: string): void {
  const history = ground.store.history(token);
  const run = {
    history: history.is === "there" ? history.value : { version: 1, token, ready: null, exited: null, adopted: [] },
  };
  writeHistory(ground, { run: run as never, change: { released: new Date().toISOString() } });
}

export function noteExit(ground: Ground, { run, status }: { run: HostedRun; status: EndStatus }): void {
  if (status.code === null && status.signal === null) return; // nobody saw how it ended
  writeHistory(ground, { run, change: { exited: { ...status, at: new Date().toISOString() } } });
}
