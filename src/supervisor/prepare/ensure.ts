/** `--ensure`: whether what runs under a key is what would be started now, and healthy; if not, in what it differs. */

import type { LaunchRecord, Phase } from "../../state/types.ts";
import { presenceOf } from "../../sys/process/identity.ts";
import { showCommand } from "../../values/commandline.ts";
import type { Ground } from "../launch/types.ts";
import { compareEnvironments, sameWords } from "./drift.ts";
import type { PreparedLaunch } from "./launch.ts";

export type Judged =
  | { is: "same"; record: LaunchRecord }
  /** A phrase after "it is replaced: ". */
  | { is: "different"; why: string }
  | { is: "nothing" };

const PHASES: Record<Exclude<Phase, "running">, string> = {
  starting: "its start was cut off",
  stopping: "a stop of it was cut off",
  backoff: "it had ended, and waited to be started again",
};

/** Whether a launch that is probed is healthy, only its host knows, so that must live too. */
export function judgeSame({ store, table }: Ground, key: string, prepared: PreparedLaunch, isTty: boolean): Judged {
  const read = store.record(key);
  if (read.is !== "there") return { is: "nothing" };
  const record = read.value;
  const different = (why: string): Judged => ({ is: "different", why });
  if (record.phase !== "running") return different(PHASES[record.phase]);
  const leader = record.leader === null ? "gone" : presenceOf(table, record.leader);
  if (leader !== "alive")
    return different(leader === "gone" ? "its process is gone" : "whether its process lives cannot be told from here");
  if (record.specHash !== prepared.specHash) {
    const why = differenceOf(record, prepared, isTty);
    if (why !== null) return different(why);
  }
  const history = store.history(record.token);
  const ready = history.is === "there" ? history.value.ready : null;
  if (ready?.is === "unhealthy") return different(`it is unhealthy: ${ready.why}`);
  if (record.probed && presenceOf(table, record.host) !== "alive")
    return different("its host is gone, so nobody knows whether it is healthy");
  return { is: "same", record };
}

/** Null: it was started in a folder that has moved since, and is the same there. */
function differenceOf(
  was: LaunchRecord,
  { argv, cwd, port, environment, stack }: PreparedLaunch,
  isTty: boolean,
): string | null {
  const parts = [
    ...(sameWords(was.argv, argv) ? [] : [`its command was ${showCommand(was.argv)}`]),
    ...(was.cwd === cwd ? [] : [`its directory was ${was.cwd}`]),
    ...(was.port === port ? [] : [`its port was ${was.port ?? "none"}`]),
  ];
  const names = compareEnvironments(was.env, environment.declared).map((one) => (one.field === "env" ? one.name : ""));
  if (names.length > 0) parts.push(`its environment differs in ${names.join(", ")}`);
  if ((was.tty === true) !== isTty) parts.push("whether it has a terminal");
  if (parts.length === 0 && stack !== null) parts.push("how its stack is started");
  return parts.length === 0 ? null : parts.join("; ");
}
