/**
 * Records a start that failed and left nothing running as the key's last exit, under its lock, so that it can be
 * reported later.
 */
import type { Asker } from "../../state/types.ts";
import { DtError } from "../../sys/base/error.ts";
import { makeExit } from "../launch/exit.ts";
import { toFailure } from "../launch/failure.ts";
import type { Ground, LaunchSpec } from "../launch/types.ts";
import type { PreparedLaunch } from "../prepare/launch.ts";

type Facts = Pick<PreparedLaunch, "token" | "argv" | "cwd" | "log"> & { restarts: number };

/**
 * Does nothing while the key has a record: then an old launch, or the rest of one, is still there, and its facts stay.
 * A cancelled start counts as interrupted, and the key is no longer wanted.
 */
export function noteStartFailure(
  ground: Ground,
  { spec, facts, error }: { spec: LaunchSpec; facts: Facts; error: unknown },
): void {
  const { store } = ground;
  const { key } = spec;
  if (store.record(key).is !== "absent") return;
  try {
    const at = new Date().toISOString();
    const subject = { ...facts, key, startedAt: at };
    if (isCancelled(error)) {
      const by: Asker = { ...spec.asker, by: "interrupt" };
      store.writeWant({ version: 1, key, want: "stopped", at, by });
      const text = "was cancelled before it was started";
      store.writeExit(makeExit(subject, { at, reason: "interrupted", text, by }));
      return;
    }
    const { code, message, lines = [], hint } = toFailure(error);
    const whole = [message, ...lines].join("\n");
    store.writeExit(
      makeExit(subject, {
        at,
        reason: "start-failed",
        text: `could not be started: ${whole}`,
        by: spec.asker,
        error: { code, message: whole, hint },
      }),
    );
  } catch (unwritten) {
    // A full disk may be why it failed. The caller gets the error, and no more can be done.
    if (!(unwritten instanceof DtError)) throw unwritten;
  }
}

function isCancelled(error: unknown): boolean {
  return (error as { name?: string } | null)?.name === "AbortError";
}
