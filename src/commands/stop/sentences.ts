/** What a stop did, in one sentence a key. */
import type { StopKeyResult } from "../../supervisor/end/types.ts";
import { formatDuration } from "../../values/duration.ts";

const SENTENCES: { [I in StopKeyResult["is"]]: (result: Extract<StopKeyResult, { is: I }>) => string } = {
  "not-running": ({ key }) => `${key} is not running`,
  stopped: ({ key, pid, killed, tookMs, calledOff }) =>
    `${key} stopped${pid === null ? "" : ` (pid ${pid})`} in ${formatDuration(tookMs)}${killed > 0 ? `, ${killed} by SIGKILL` : ""}${calledOff ? "; a start of it that was under way was called off" : ""}`,
  ended: ({ key, exit, left }) =>
    `${key} had already ${exit.reason === "unknown" ? exit.text : `ended: it ${exit.text}`}${left ? "; its leftovers were ended" : ""}`,
  "called-off": ({ key }) => `${key} did not run yet: its start was called off`,
  "left-ended": ({ key, oneshots }) =>
    oneshots.includes(key)
      ? `${key} ran on without the dt that ran it, and was ended`
      : `${key} is not running; what still ran for a start of it was ended`,
  foreign: ({ key, why }) => `${key} is foreign (${why}): nothing was touched`,
  "found-unrecorded": ({ key }) => `${key} stopped; its record could not be read, so its processes were searched for`,
};

export function sentenceOf(result: StopKeyResult): string {
  return SENTENCES[result.is](result as never);
}
