/**
 * `--ensure`: whether the running launch of a key is what would be started now, and healthy; if not, how it differs.
 */
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
  backoff: "it had ended and was waiting to be started again",
};

/** Only its host knows whether a launch with probes is healthy, so the host must be alive too. */
export function judgeSame(
  { store, table }: Ground,
  { key, prepared, isTty }: { key: string; prepared: PreparedLaunch; isTty: boolean },
): Judged {
  const read = store.record(key);
  if (read.is !== "there") return { is: "nothing" };
  const record = read.value;
  const different = (why: string): Judged => ({ is: "different", why });
  if (record.phase !== "running") return different(PHASES[record.phase]);
  const leader = record.leader === null ? "gone" : presenceOf(table, record.leader);
  if (leader !== "alive")
    return different(
      leader === "gone" ? "its process is gone" : "it is unknown from here whether its process is alive",
    );
  if (record.specHash !== prepared.specHash) {
    const why = differenceOf(record, { prepared, isTty });
    if (why !== null) return different(why);
  }
  const history = store.history(record.token);
  const ready = history.is === "there" ? history.value.ready : null;
  if (ready?.is === "unhealthy") return different(`it is unhealthy: ${ready.why}`);
  if (record.probed && presenceOf(table, record.host) !== "alive")
    return different("its host is gone, so its health is unknown");
  return { is: "same", record };
}

/** Null: only its folder has moved since, and it is the same there. */
function differenceOf(
  was: LaunchRecord,
  { prepared: { argv, cwd, port, environment, stack }, isTty }: { prepared: PreparedLaunch; isTty: boolean },
): string | null {
  const parts = [
    ...(sameWords(was.argv, argv) ? [] : [`its command was ${showCommand(was.argv)}`]),
    ...(was.cwd === cwd ? [] : [`its directory was ${was.cwd}`]),
    ...(was.port === port ? [] : [`its port was ${was.port ?? "none"}`]),
  ];
  const names = compareEnvironments(was.env, environment.declared).map((one) => (one.field === "env" ? one.name : ""));
  if (names.length > 0) parts.push(`its environment differs in ${names.join(", ")}`);
  if ((was.tty === true) !== isTty) parts.push("its `tty` differs");
  if (parts.length === 0 && stack !== null) parts.push("its stack would be started differently");
  return parts.length === 0 ? null : parts.join("; ");
}
