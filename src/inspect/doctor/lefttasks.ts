/** One-shots that run on although the dt that ran them is gone, and what is noted of those that have ended. */
import { clearNotes, endLeftOf } from "../../supervisor/end/lefttasks.ts";
import type { Ground } from "../../supervisor/launch/types.ts";
import { abandonedNotes, type LeftTask, leftTasks } from "../../supervisor/task/left.ts";
import { describeLeftTask } from "../lefttask.ts";
import { FIX, makeFinding } from "./finding.ts";
import type { Finding, Repaired } from "./types.ts";

export function checkLeftTasks(ground: Ground): Finding[] {
  const left = leftTasks(ground);
  const findings = left.map((task) =>
    makeFinding("left-task", {
      level: "attention",
      text: describeLeftTask(task),
      key: task.key,
      details: { pids: task.pids, startsFor: task.startsFor },
      hint: `${FIX} (stops it)`,
      repair: () => endIt(ground, task),
    }),
  );
  const ended = abandonedNotes(ground).length - left.length;
  if (ended <= 0) return findings;
  const notes = ended === 1 ? "a note about a one-shot" : `notes about ${ended} one-shots`;
  const text = `A dt that was killed left ${notes} that it ran. They have ended.`;
  const repair = () => ({ done: true, text: `removed ${clearNotes(ground)} of them` });
  return [...findings, makeFinding("left-task", { level: "note", text, hint: FIX, details: { ended }, repair })];
}

async function endIt(ground: Ground, { key }: LeftTask): Promise<Repaired> {
  const ends = await endLeftOf(ground, key);
  if (ends.includes("inside")) return { done: false, text: `${key} was left alone, since this dt runs inside it` };
  return { done: true, text: ends.includes("ended") ? `stopped ${key}` : `${key} has ended meanwhile` };
}
