/** One-shots that dt ran for a start, and that run on although the dt that ran them is gone. */
import type { LeftTask } from "../supervisor/task/left.ts";

/** One sentence. */
export function describeLeftTask({ key, pids, startsFor }: LeftTask): string {
  const what = startsFor.length === 0 ? "" : ` for ${startsFor.join(", ")}`;
  return `The one-shot ${key} (pid ${pids.join(", ")}) runs on${what}, although the dt that ran it is gone.`;
}
