/** What a host notes about its own launch, in the one file that it writes without the lock. */
import type { LaunchHistory } from "../state/types.ts";
import type { EndStatus } from "../sys/status.ts";
import type { Run } from "./runtypes.ts";
import type { Ground, LaunchSpec } from "./types.ts";

/** A host's notes are its own file; losing one (a full disk) must not end the launch. */
export function writeHistory(ground: Ground, run: Run, change: Partial<LaunchHistory>): void {
  run.history = { ...run.history, ...change };
  try {
    ground.store.writeHistory(run.history);
  } catch {
    // told by what is missing: `ps` then shows less, never something false
  }
}

/** For another host, should this one be killed; without it the launch just goes on without one. */
export function noteSpec(
  { store, isStrange, reading }: Pick<Ground, "store" | "isStrange" | "reading">,
  token: string,
  spec: LaunchSpec,
): void {
  try {
    store.writeSpec(token, {
      ...spec,
      isStrange: spec.isStrange ?? isStrange ?? reading === "data",
    } satisfies LaunchSpec);
  } catch {
    // a full disk
  }
}

export function noteExit(ground: Ground, run: Run, status: EndStatus): void {
  if (status.code === null && status.signal === null) return; // nobody saw it
  writeHistory(ground, run, { exited: { ...status, at: new Date().toISOString() } });
}
