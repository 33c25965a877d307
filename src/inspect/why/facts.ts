/** All that is on disk and in the kernel about one key, read once and without changing anything, to be explained. */
import { statSync } from "node:fs";
import { dirname, join } from "node:path";
import { readLastLines } from "../../logs/tail.ts";
import { settingsOf } from "../../manifest/model/find.ts";
import { mayDeclareMore } from "../../manifest/model/graph.ts";
import type { ManagedSettings, ManifestIndex } from "../../manifest/model/resolved.ts";
import type { Asker, ExitRecord, KeyState, LaunchHistory, LaunchRecord, Want } from "../../state/types.ts";
import { LAST_LINES } from "../../supervisor/launch/exit.ts";
import { keyHolder, lockPathOf } from "../../supervisor/launch/lock.ts";
import type { Ground } from "../../supervisor/launch/types.ts";
import { type DriftField, findDrift } from "../../supervisor/prepare/drift.ts";
import { resolveIn } from "../../supervisor/prepare/environment.ts";
import { pendingStarts } from "../../supervisor/ticket/pending.ts";
import { askersOf } from "../../supervisor/ticket/startfile.ts";
import type { FileRead } from "../../sys/files/fileread.ts";
import { readSpace } from "../../sys/files/space.ts";
import { isUnfinished } from "../../sys/lock/breaklock.ts";
import type { LockHolder } from "../../sys/lock/lock.ts";
import { type Presence, presenceOf } from "../../sys/process/identity.ts";
import { formatKey, parseKey } from "../../values/key.ts";

/** What the manifests, as last loaded, say about a key. */
export type Declaration =
  | { is: "managed"; restart: ManagedSettings["restart"] }
  /** `log`: as its manifest names it. */
  | { is: "oneshot"; log: string | null }
  /** Its plugin could not be loaded. */
  | { is: "failed"; message: string }
  | { is: "absent" }
  /** No manifest has been loaded yet. */
  | { is: "unknown" };

export interface LockFacts {
  holder: LockHolder | null;
  /**
   * Without a holder: `gone` for a file that a crash left empty or cut off, `unknown` for one that cannot be read from
   * here.
   */
  presence: Presence;
}

export interface LogFacts {
  path: string;
  /** `other`: the file of that name is not the one this launch writes to. */
  is: "there" | "missing" | "other";
  /** Of its file system; null when that cannot be asked. */
  freeBytes: number | null;
  /** The last lines, where no exit holds them: of a launch that is unhealthy, or that ended unseen. */
  lines: string[];
}

export interface KeyFacts {
  key: string;
  /** Milliseconds since 1970, as this machine's clock has it. */
  now: number;
  /** Null when nothing is known of the key but its name. */
  state: KeyState | null;
  /** Of the leader, or of another process of the launch that was found. */
  pid: number | null;
  record: LaunchRecord | null;
  history: LaunchHistory | null;
  exit: ExitRecord | null;
  want: Want | null;
  /** Files that exist and cannot be read. */
  unreadable: { file: string; reason: string }[];
  leader: Presence;
  host: Presence;
  /** Whether the record was written before the machine last booted. */
  earlierBoot: boolean;
  lock: LockFacts | null;
  /** Who asked for the starts that are under way; absent when none is. */
  pending?: Asker[];
  drift: DriftField[] | null;
  declared: Declaration;
  log: LogFacts;
  /** Of a stack: what the engine says about its containers, as a phrase; absent without a stack, or a record of it. */
  containers?: string;
}

interface FactsRequest {
  key: string;
  seen: { state: KeyState; pid: number | null } | null;
  index: ManifestIndex | null;
}

/** `seen`: what `ps` says about the key. */
export function gatherFacts(ground: Ground, { key, seen, index }: FactsRequest): KeyFacts {
  const { store, table } = ground;
  const unreadable: KeyFacts["unreadable"] = [];
  const take = <T>(read: FileRead<T>, file: string): T | null => {
    if (read.is === "unreadable") unreadable.push({ file, reason: read.reason });
    return read.is === "there" ? read.value : null;
  };
  const record = take(store.record(key), store.path(key, "record"));
  const exit = take(store.exit(key), store.path(key, "exit"));
  const want = take(store.want(key), store.path(key, "want"));
  const history =
    record === null ? null : take(store.history(record.token), join(store.directory, "launch", `${record.token}.json`));
  const presence = (identity: LaunchRecord["leader"]): Presence =>
    identity === null ? "gone" : presenceOf(table, identity);
  const leader = presence(record?.leader ?? null);
  const state = seen?.state ?? null;
  const declared = findDeclared(index, key);
  const pending = askersOf(ground, pendingStarts(ground, key));
  // A log that a stranger's manifest names is not the output of a run here.
  const ownLog = declared.is === "oneshot" && ground.isStrange !== true ? declared.log : null;
  const usualLog = ownLog === null ? store.path(key, "log") : resolveIn(ground.root, ownLog);
  return {
    key,
    now: Date.now(),
    state,
    pid: seen?.pid ?? null,
    record,
    history,
    exit,
    want,
    unreadable,
    leader,
    host: presence(record?.host ?? null),
    earlierBoot: record !== null && record.host.bootId !== table.bootId(),
    lock: readLock(ground, key),
    ...(pending.length === 0 ? {} : { pending }),
    drift: record !== null && leader === "alive" ? findDrift(ground, { index, record }) : null,
    declared,
    log: readLog(record, { exit, usual: usualLog, state }),
  };
}

function readLock({ store, table }: Ground, key: string): LockFacts | null {
  const holder = keyHolder({ store }, key);
  if (holder.is === "absent") return null;
  if (holder.is === "unreadable")
    return { holder: null, presence: isUnfinished(lockPathOf(store, key)) ? "gone" : "unknown" };
  return { holder: holder.value, presence: presenceOf(table, holder.value.holder) };
}

function findDeclared(index: ManifestIndex | null, key: string): Declaration {
  const parts = parseKey(key);
  if (index === null || parts === null) return { is: "unknown" };
  const settings = settingsOf(index.plugins, formatKey(parts));
  if (settings?.kind === "managed") return { is: "managed", restart: settings.restart };
  if (settings?.kind === "oneshot") return { is: "oneshot", log: settings.log };
  const failure = index.failures.find((one) => one.plugin === parts.plugin);
  if (failure === undefined && mayDeclareMore(index)) return { is: "unknown" };
  return failure === undefined ? { is: "absent" } : { is: "failed", message: failure.message };
}

/** States in which the last lines of the log say more than those of an earlier exit. */
const TELLING: readonly (KeyState | null)[] = ["unhealthy", "failed", "exited"];

function readLog(
  record: LaunchRecord | null,
  { exit, usual, state }: { exit: ExitRecord | null; usual: string; state: KeyState | null },
): LogFacts {
  const path = record?.log ?? exit?.log ?? usual;
  const stat = statSync(path, { throwIfNoEntry: false });
  const file = record?.logFile ?? null;
  const other = stat !== undefined && file !== null && (stat.ino !== file.ino || stat.dev !== file.dev);
  return {
    path,
    is: stat === undefined ? "missing" : other ? "other" : "there",
    freeBytes: readSpace(dirname(path))?.freeBytes ?? null,
    lines: record !== null && !other && TELLING.includes(state) ? readLastLines(path, { lines: LAST_LINES }) : [],
  };
}
