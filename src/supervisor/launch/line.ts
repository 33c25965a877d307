/** What is shown about a launch in one line. */
import type { LaunchRecord } from "../../state/types.ts";
import type { LaunchLine } from "./types.ts";

export function lineOf(record: LaunchRecord, state: string): LaunchLine {
  return {
    key: record.key,
    state,
    pid: record.leader?.pid ?? null,
    port: record.port,
    url: record.url,
    log: record.log,
  };
}
