/**
 * Starts of one key at once need no launch each. A start that had to wait for its turn looks, under the lock, at the
 * launch that is there:
 *
 *   the launch that is there       compared with this start   then this start
 *   ----------------------------   ------------------------   --------------------------------------------------------
 *   begun after this was asked     the same                   joins it: reports it, as if it were its own
 *   asked for later than this      in the same words          joins it: the environment and the files of the last asker
 *                                                             count
 *                                  in other words             gives way: `overtaken` (exit 130). Where any later launch
 *                                                             will do (a restart, a need), it joins
 *   anything else                  any                        replaces it
 *
 * *Asked* is when the caller's program began, so the caller gets a launch that began after that. *Begun* is the instant
 * before the leader is made. A launch with `before` or a stack is begun before the first of what it runs or reads for
 * them. The rest of what a start reads is compared, so its age does not matter.
 *
 * *In the same words*: the same arguments, toggles, `--recreate`, `--port` and owner, detached like it. *The same*:
 * the same words, resolved command, directory, declared environment and port (`specHash`; with `port: "auto"`, any
 * port), settings in the manifest, `--timeout`, what the caller passes on (`sys/inherit`) and its environment, but for
 * what only tells one terminal from another (`IN_PASSING`).
 *
 * A launch whose leader or host is gone is not joined, and a start that a stop has called off does not get here. Only a
 * detached start and a restart by a person may join. A foreground shows its own launch, and a policy means a new run.
 * When the launch ends later, it is reported like any other.
 */
import type { LaunchRecord } from "../../state/types.ts";
import { DtError, EXIT } from "../../sys/base/error.ts";
import { presenceOf } from "../../sys/process/identity.ts";
import type { Ground, LaunchSpec } from "../launch/types.ts";
import { hashLaunch, type PreparedLaunch } from "../prepare/launch.ts";
import type { PreparedStart, Start } from "./types.ts";

/** Variables that say from where a command was typed, not what it should do. */
const IN_PASSING =
  /^(_|SHLVL|OLDPWD|PWD|PPID|WINDOWID|COLUMNS|LINES|TMUX|TMUX_PANE|STY|TTY|GPG_TTY|SSH_(CLIENT|CONNECTION|TTY)|TERM_SESSION_ID|XDG_SESSION_ID|INVOCATION_ID|JOURNAL_STREAM)$/;

export type Turn = "start" | "join" | "give-way";
/** `unknown`: what it was asked for was not kept, as on a full disk. */
export type Likeness = "same" | "same-words" | "other" | "unknown";

interface TurnToJudge {
  askedAt: number;
  found: Pick<LaunchRecord, "begunAt" | "askedAt">;
  likeness: () => Likeness;
  anyLater: boolean;
}

/** The table above, for a launch that lives. */
export function judgeTurn({ askedAt, found, likeness, anyLater }: TurnToJudge): Turn {
  const isBegunLater = (found.begunAt ?? 0) > askedAt;
  const isAskedLater = (found.askedAt ?? 0) > askedAt;
  if (!isBegunLater) return "start";
  const alike = likeness();
  if (alike === "same") return "join";
  if (!isAskedLater || alike === "unknown") return "start";
  return anyLater || alike === "same-words" ? "join" : "give-way";
}

/** The launch by which this start is done; null: it needs one of its own. Throws `overtaken`. */
export function findJoined({ ground, spec, prepared, options }: PreparedStart): LaunchRecord | null {
  const { key, askedAt, anyLater = false } = spec;
  if (options.mayJoin !== true || askedAt === undefined) return null;
  const record = livingRecord(ground, key);
  if (record === null) return null;
  const likeness = () => likenessOf(ground, { spec, prepared, record });
  const turn = judgeTurn({ askedAt, found: record, likeness, anyLater });
  if (turn === "give-way") throw overtakenError(record);
  return turn === "join" ? record : null;
}

/** Whether a launch of the key was begun after this start was asked for: then it most likely needs none of its own. */
export function isBegunSince({ ground, spec: { key, askedAt = 0 } }: Start): boolean {
  return (livingRecord(ground, key)?.begunAt ?? 0) > askedAt;
}

function livingRecord({ store, table }: Ground, key: string): LaunchRecord | null {
  const read = store.record(key);
  if (read.is !== "there") return null;
  const { phase, leader, host } = read.value;
  const isLiving = phase === "running" && [leader, host].every((one) => one && presenceOf(table, one) === "alive");
  return isLiving ? read.value : null;
}

interface Compared {
  spec: LaunchSpec;
  prepared: PreparedLaunch;
  record: LaunchRecord;
}

function likenessOf(ground: Ground, { spec, prepared, record }: Compared): Likeness {
  const asked = likenessOfRequest(ground, { spec, token: record.token });
  return asked === "same" && record.specHash !== hashFor(prepared, { spec, record }) ? "same-words" : asked;
}

/** With `auto`, the port that is free differs from one look to the next. */
function hashFor(prepared: PreparedLaunch, { spec, record }: Pick<Compared, "spec" | "record">): string {
  const { settings } = spec;
  return settings.port !== "auto" ? prepared.specHash : hashLaunch(prepared, { port: record.port, tty: settings.tty });
}

/** How the launch with this token was asked for, compared with this spec. */
export function likenessOfRequest(ground: Ground, { spec, token }: { spec: LaunchSpec; token: string }): Likeness {
  const kept = ground.store.readSpec(token);
  if (kept.is !== "there") return "unknown";
  const other = kept.value as LaunchSpec;
  if (wordsOf(spec) !== wordsOf(other)) return "other";
  return meaningOf(spec) === meaningOf(other) ? "same" : "same-words";
}

function wordsOf({ settings, args, off = [], recreate = false, detached, owner = null }: LaunchSpec): string {
  return JSON.stringify([settings.port, args, off, recreate, detached, owner]);
}

function meaningOf({ settings, env, inherits, readyTimeoutMs }: LaunchSpec): string {
  const meant = Object.entries(env).filter(([name]) => !IN_PASSING.test(name));
  return JSON.stringify([settings, inherits ?? null, readyTimeoutMs, meant.sort(([a], [b]) => (a < b ? -1 : 1))]);
}

function overtakenError({ key, startedBy }: LaunchRecord): DtError {
  const { command, pid } = startedBy;
  return new DtError(
    "overtaken",
    `${key} was not started: ${command} (pid ${pid}) was asked for later, and its launch runs.`,
    { status: EXIT.interrupted, details: { key, by: startedBy } },
  );
}
