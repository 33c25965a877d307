/** What `dt up` prints: each event as it comes, each key's line of truth at the end, and the exit code. */
import { formatTruth } from "../../output/truth.ts";
import type { ExitRecord } from "../../state/types.ts";
import type { KeyOutcome, UpEvent } from "../../supervisor/callers/types.ts";
import { EXIT } from "../../sys/base/error.ts";
import { shellCode } from "../../sys/base/status.ts";
import { print } from "../../sys/stdio/stdio.ts";
import { shortKey } from "../../values/key.ts";
import { tellEvent, tellLastLines } from "../parts/tell.ts";
import type { RunnerContext } from "../parts/types.ts";

/** In the foreground: starts that failed or were called off, and ends, are reported as well. */
export function tellHosted(context: RunnerContext, event: UpEvent): void {
  const { talk } = context;
  tellUp(context, event);
  if (event.is === "prevented") talk.warn(`${shortKey(event.key)} was not started: ${event.because}`);
  if (event.is === "called-off") talk.say(`${shortKey(event.key)} was not started: ${event.because}`);
  if (event.is === "launch" && event.event.is === "failed") {
    const { message, lines = [] } = event.event.error;
    talk.fail(`${shortKey(event.key)} could not be started: ${message}`, [...lines]);
  }
  if (event.is === "launch" && event.event.is === "ended")
    talk.say(`${talk.paint.bold(shortKey(event.key))} ${event.event.exit.text}`);
}

/** The exit code of a failure; null when the event is none. A launch that a user stopped or replaced did not fail. */
export function failureCodeOf(event: UpEvent): number | null {
  if (event.is === "launch" && event.event.is === "failed") return event.event.error.status || EXIT.failed;
  const exit =
    event.is === "launch" && event.event.is === "ended"
      ? event.event.exit
      : event.is === "task" && event.event.is === "ended"
        ? event.event.exit
        : null;
  return exit !== null && FAILED.includes(exit.reason) ? shellCode(exit) || EXIT.failed : null;
}

const FAILED: readonly ExitRecord["reason"][] = ["failed", "unknown", "start-failed"];

/** Prints each key's line of truth, and why a key is not up. */
export function concludeUp(context: RunnerContext, outcomes: readonly KeyOutcome[]): number {
  const { ground, json } = context;
  for (const one of outcomes) {
    if (one.why === null) continue;
    tellWhy(context, one);
    if (one.state === "failed" || one.state === "backoff") tellLastLines(context, { key: one.key, log: one.log });
  }
  print(json ? `${JSON.stringify(outcomes)}\n` : outcomes.map((one) => formatTruth(ground.root, one)).join(""));
  return upStatusOf(outcomes);
}

function tellWhy({ talk }: RunnerContext, { key, state, why }: KeyOutcome): void {
  if (why === null) return;
  const [first, ...lines] = why.split("\n");
  if (state === "stopped") talk.say(`${shortKey(key)} ${why}`);
  else talk.fail(`${shortKey(key)} ${first}`, lines);
}

export function upStatusOf(outcomes: readonly KeyOutcome[]): number {
  const isAny = (...states: string[]) => outcomes.some(({ state }) => states.includes(state));
  if (isAny("failed", "prevented", "backoff", "exited")) return EXIT.failed;
  if (isAny("unhealthy")) return EXIT.timeout;
  return isAny("stopped") ? EXIT.interrupted : EXIT.done;
}

export function tellUp(context: RunnerContext, heard: UpEvent): void {
  const { talk } = context;
  if (heard.is === "launch") tellEvent(context, heard.event);
  if (heard.is === "task")
    talk.say(`${talk.paint.bold(shortKey(heard.key))} ${TASK_WORDS[heard.event.is](heard.event as never)}`);
}

type TaskEvent = Extract<UpEvent, { is: "task" }>["event"];

const TASK_WORDS: { [I in TaskEvent["is"]]: (event: Extract<TaskEvent, { is: I }>) => string } = {
  begun: () => "started",
  unchanged: ({ since }) => `skipped: its inputs are unchanged since ${since}`,
  ended: ({ exit }) => exit.text,
};
