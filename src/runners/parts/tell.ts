/** Lifecycle events as lines for the user. */
import { readLastLines } from "../../logs/tail.ts";
import { placeOf } from "../../output/truth.ts";
import type { LaunchEvent, LaunchLine } from "../../supervisor/launch/types.ts";
import { shortPath, showCommand, showPrompt, showWord } from "../../values/commandline.ts";
import { formatDuration } from "../../values/duration.ts";
import type { RunnerContext } from "./types.ts";

type Teller<E extends LaunchEvent["is"]> = (context: RunnerContext, event: Extract<LaunchEvent, { is: E }>) => void;

const TELLERS: { [E in LaunchEvent["is"]]: Teller<E> } = {
  note: ({ talk }, { text }) => talk.say(text),
  command: ({ talk }, { line, cwd }) => talk.detail(() => showPrompt(line, cwd)),
  replacing: ({ talk }, event) =>
    talk.say(`${event.key} runs (pid ${event.pid}, ${formatDuration(event.ageMs)}): stopping it first`),
  replaced: ({ talk }, event) =>
    talk.say(
      `${event.key} stopped in ${formatDuration(event.tookMs)}${event.killed > 0 ? `, ${event.killed} by SIGKILL` : ""}`,
    ),
  unchanged: ({ talk }, { line }) => talk.say(`${line.key} is already running and up to date: left alone`),
  joined: ({ talk, ground }, { line, probed, by }) =>
    talk.say(
      `${talk.paint.bold(line.key)} ${by.pid === process.pid ? "runs on" : `was started meanwhile by ${by.command} (pid ${by.pid})`}: pid ${line.pid}${probed ? "" : showPlace(talk, line)}  log ${shortPath(ground.root, line.log)}`,
    ),
  spawned: ({ talk, ground }, { line, commandLine, cwd, probed, shown }) => {
    talk.detail(() =>
      shown === undefined
        ? `$ cd ${showWord(shortPath(ground.root, cwd))} && ${showCommand(commandLine)}`
        : showPrompt(shown, cwd),
    );
    talk.say(
      `${talk.paint.bold(line.key)} started  pid ${line.pid}${probed ? "" : showPlace(talk, line)}  log ${shortPath(ground.root, line.log)}`,
    );
  },
  ready: ({ talk }, { line, tookMs }) =>
    talk.say(
      `${talk.paint.bold(line.key)} ${talk.paint.green("ready")} after ${formatDuration(tookMs)}${showPlace(talk, line)}`,
    ),
  unhealthy: ({ talk }, { line, why }) =>
    talk.fail(`${line.key} is not ready in time: ${why}. It keeps running, as unhealthy.`),
  restarting: ({ talk }, event) =>
    talk.say(`${event.key} ${event.because}; starting it again in ${formatDuration(event.inMs)}`),
  ended: () => {},
  failed: () => {},
};

function showPlace({ paint }: RunnerContext["talk"], line: LaunchLine): string {
  const place = placeOf(line);
  return place === null ? "" : `  ${paint.cyan(place)}`;
}

export function tellEvent(context: RunnerContext, event: LaunchEvent): void {
  (TELLERS[event.is] as Teller<typeof event.is>)(context, event as never);
}

/**
 * Prints the last lines of a launch that failed; on CI also of one that is not ready, since its log is gone with the
 * job.
 */
export function tellLastLines(
  { ground, talk }: Pick<RunnerContext, "ground" | "talk">,
  { key, log }: { key: string; log: string },
): void {
  talk.quote(`The last lines of ${key} (${shortPath(ground.root, log)})`, readLastLines(log, { lines: LAST_LINES }));
}

/** As many as fit on a screen beside the message. */
const LAST_LINES = 20;
