/** Which one-shots run on although the dt that ran them is gone. */
import { endLeftTasks } from "../../supervisor/end/lefttasks.ts";
import type { Ground } from "../../supervisor/launch/types.ts";
import { type LeftTask, leftTasks } from "../../supervisor/task/left.ts";
import { describeLeftTask } from "../lefttask.ts";
import { FIX, makeFinding } from "./finding.ts";
import type { Finding, Repaired } from "./types.ts";

export function checkLeftTasks(ground: Ground): Finding[] {
  return leftTasks(ground).map((task) =>
    makeFinding("left-task", {
      level: "attention",
      text: describeLeftTask(task),
      key: task.key,
      details: { pids: task.pids, startsFor: task.startsFor },
      hint: `${FIX} (stops it)`,
      repair: () => endIt(ground, task),
    }),
  );
}

async function endIt(ground: Ground, { key }: LeftTask): Promise<Repaired> {
  const ended = await endLeftTasks(ground, { key, report: () => {} });
  return { done: true, text: ended.length === 0 ? `${key} has ended meanwhile` : `stopped ${key}` };
}
