/** Phrases that several sentences about a key share: when, how long, how often, by whom. Pure. */
import type { Asker, ExitRecord, LaunchRecord } from "../../state/types.ts";
import { describeStatus, exitClause } from "../../supervisor/launch/exit.ts";
import { formatDuration } from "../../values/duration.ts";
import { typedKey } from "../../values/key.ts";
import type { KeyFacts } from "./facts.ts";

/** `it was stopped by … 3m ago, after 5s.` */
export function endSentence(facts: KeyFacts, exit: ExitRecord): string {
  const clause = exitClause(exit);
  const status =
    !clause.includes(describeStatus(exit)) &&
    (clause.startsWith("was ") || exit.reason === "unknown") &&
    (exit.code !== null || exit.signal !== null)
      ? `; it ended with ${describeStatus(exit)}`
      : "";
  const restarts = exit.restarts === 0 ? "" : ` It had been restarted ${times(exit.restarts)}.`;
  const whole = `it ${clause}${status}`;
  // After a second clause, the time would seem to belong to that one.
  const ago = whole.includes("; ") ? `. That was ${when(facts, exit.at)}` : `, ${when(facts, exit.at)}`;
  return `${whole}${ago}.${restarts}`;
}

export function forHowLong({ record, now }: KeyFacts): string {
  if (record === null) return "";
  const ms = now - Date.parse(record.startedAt);
  return ms < 0 ? "" : ` for ${formatDuration(ms)}`;
}

/** A time in the future is shown as it is: the clock was set back. */
export function when({ now }: KeyFacts, at: string): string {
  const ms = now - Date.parse(at);
  return ms < 0 ? `at ${at} (in the future: was this machine's clock set back?)` : `${formatDuration(ms)} ago (${at})`;
}

export function span(from: string, to: string): number {
  return Math.max(0, Date.parse(to) - Date.parse(from));
}

const KINDS: Record<Asker["by"], string> = {
  user: "by",
  rerun: "by a rerun,",
  policy: "by its own policy,",
  interrupt: "by Ctrl-C in",
  hangup: "by the closing of the terminal or pipe of",
  signal: "by a signal to",
  owner: "as its owner has gone,",
};

/** `by dt stop t dev (pid 12)`. */
export function byWhom({ by, command, pid, because }: Asker): string {
  return `${KINDS[by]} ${command} (pid ${pid})${because === undefined ? "" : `, because ${because}`}`;
}

export function whoHosts(record: LaunchRecord | null): string {
  return record === null ? "its host" : `its host (pid ${record.host.pid})`;
}

export function startCommand(key: string): string {
  return `dt ${typedKey(key)}`;
}

export function upper(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

export function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}

export function ordinal(count: number): string {
  const tail = count % 100 >= 11 && count % 100 <= 13 ? "th" : (["th", "st", "nd", "rd"][count % 10] ?? "th");
  return `${count}${tail}`;
}
