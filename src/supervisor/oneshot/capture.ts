/**
 * What is kept of a captured one-shot: its output in its key's log, earlier runs beside it, and how it ended. Several
 * runs of one key may go on at once, each with a file of its own; log and exit are those of the run that began last.
 * There is no record: nothing restarts or replaces a one-shot, and while it runs it belongs to its terminal, like every
 * one-shot.
 *
 *   killed after         what is there then
 *   ------------------   -------------------------------------------
 *   earlier runs moved   the earlier run's exit, its log as `.1`
 *   log opened           the same, and an empty log
 *   exit removed         a log without an exit: its end was not seen
 *   exit written         all
 */
import { checkLogPath, logPlaces, makeLogDirectory, type OpenedLog, openRun } from "../../logs/open.ts";
import { readLastLines } from "../../logs/tail.ts";
import type { OneshotSettings } from "../../manifest/model/resolved.ts";
import type { Asker, ExitReason, ExitRecord } from "../../state/types.ts";
import { DtError } from "../../sys/base/error.ts";
import { signalName } from "../../sys/base/signals.ts";
import { statOf } from "../../sys/base/stat.ts";
import type { EndStatus } from "../../sys/base/status.ts";
import { removeFile } from "../../sys/files/removal.ts";
import type { HeldLock } from "../../sys/lock/lock.ts";
import { DEFAULT_VARIANT, formatKey } from "../../values/key.ts";
import { LAST_LINES, makeExit } from "../launch/exit.ts";
import { lockKey } from "../launch/lock.ts";
import { isKnownLog, refuseOthersLog, refuseSharedLog } from "../launch/log.ts";
import type { Ground } from "../launch/types.ts";
import { resolveIn } from "../prepare/environment.ts";
import { type LogWriter, makeLogWriter, makeOutputMemory, type OutputMemory } from "./keep.ts";

export interface OneshotKey {
  plugin: string;
  command: string;
  variant: string;
  settings: OneshotSettings;
}

export interface CapturedRun {
  key: string;
  log: string;
  argv: string[];
  cwd: string;
  startedBy: Asker;
}

export interface Capture {
  /** The open log, for a command that writes to it directly. */
  fd: number;
  keep(bytes: Uint8Array): void;
  /** Writes the exit, unless a later run has taken the log's name meanwhile. */
  end(status: EndStatus, signalled: number | null): Promise<ExitRecord>;
  /** The same for a command that could not be started. */
  fail(error: DtError): Promise<ExitRecord>;
}

/** How long to wait for the lock, which is held for a moment only: to move earlier runs on, and to write an exit. */
const LOCK_TIMEOUT_MS = 10_000;

export function oneshotKeyOf({ plugin, command, variant }: OneshotKey): string {
  return formatKey({ plugin, command, variant: variant || DEFAULT_VARIANT });
}

export function logOf(ground: Ground, one: OneshotKey): string {
  const { log } = one.settings;
  return log === null ? ground.store.path(oneshotKeyOf(one), "log") : resolveIn(ground.root, log);
}

/** Throws a DtError when the output cannot be kept. `onLoss` is called at most once, with the reason. */
export async function openCapture(
  ground: Ground,
  { run, settings, onLoss }: { run: CapturedRun; settings: OneshotSettings; onLoss: (reason: string) => void },
): Promise<Capture> {
  const opened = await openLog(ground, { run, settings });
  const open: OpenCapture = {
    ground,
    run,
    opened,
    startedAt: new Date().toISOString(),
    began: performance.now(),
    last: makeOutputMemory(),
    writer: makeLogWriter(opened, { path: run.log, maxBytes: settings.logs.maxBytes, onLoss }),
  };
  return {
    fd: opened.fd,
    keep(bytes) {
      open.last.push(bytes);
      open.writer.write(bytes);
    },
    end: (status, signalled) => finish(open, (more) => makeRunExit(run, { status, signalled, ...more })),
    fail: (error) => finish(open, (more) => makeFailedExit(run, { error, ...more })),
  };
}

/** Moves earlier runs on and removes their exit, under the key's lock. */
async function openLog(
  ground: Ground,
  { run, settings }: { run: CapturedRun; settings: OneshotSettings },
): Promise<OpenedLog> {
  const { store } = ground;
  const { key, log } = run;
  store.prepare();
  if (settings.log !== null) checkLogPath(log, logPlaces(ground));
  const lock = await lockToCapture(ground, run);
  try {
    if (store.record(key).is !== "absent")
      throw new DtError(
        "launch-there",
        `${key} is a one-shot now, but a managed launch of that key is recorded here.`,
        {
          hint: `dt stop ${key}`,
        },
      );
    if (settings.log !== null) refuseOthersLog(ground, { key, log });
    refuseSharedLog(ground, { key, log, isOwn: settings.log === null });
    if (settings.log !== null) makeLogDirectory(log, logPlaces(ground));
    const opened = openRun(log, {
      keep: settings.logs.keep,
      mode: settings.log === null ? 0o600 : 0o644,
      known: settings.log === null || isKnownLog(ground, { key, log }),
    });
    removeFile(store.path(key, "exit"));
    return opened;
  } finally {
    lock.release();
  }
}

interface OpenCapture {
  ground: Ground;
  run: CapturedRun;
  opened: OpenedLog;
  startedAt: string;
  /** On the clock of `performance.now()`. */
  began: number;
  last: OutputMemory;
  writer: LogWriter;
}

async function finish(open: OpenCapture, make: (more: EndFacts) => ExitRecord): Promise<ExitRecord> {
  const { ground, run, opened, startedAt, last } = open;
  const { store } = ground;
  const { key, log } = run;
  const uptimeMs = Math.round(performance.now() - open.began);
  open.writer.close();
  const lock = await lockToCapture(ground, run);
  try {
    const there = statOf(log);
    const isLatest = there?.ino === opened.file.ino && there.dev === opened.file.dev;
    const kept = last.lines();
    const lastLines = kept.length > 0 || !isLatest ? kept : readLastLines(log, { lines: LAST_LINES });
    const exit = make({ startedAt, uptimeMs, lastLines });
    if (isLatest || (there === undefined && store.exit(key).is === "absent")) store.writeExit(exit);
    return exit;
  } finally {
    lock.release();
  }
}

interface EndFacts {
  startedAt: string;
  uptimeMs: number;
  lastLines: string[];
}

function lockToCapture(ground: Ground, { key, startedBy }: CapturedRun): Promise<HeldLock> {
  return lockKey(ground, {
    key,
    doing: "capture",
    command: startedBy.command,
    timeoutMs: LOCK_TIMEOUT_MS,
    evenUnwritten: true,
  });
}

const BY: Record<string, Asker["by"]> = { SIGINT: "interrupt", SIGHUP: "hangup", SIGTERM: "signal", SIGQUIT: "signal" };

function makeRunExit(
  run: CapturedRun,
  { status: { code, signal }, signalled, ...more }: { status: EndStatus; signalled: number | null } & EndFacts,
): ExitRecord {
  const asked = signal === "SIGINT" ? signal : signalled === null ? null : signalName(signalled);
  // A program that handles the signal and then succeeds has ended by itself, as far as can be known.
  const interrupted = asked !== null && asked in BY && (signal !== null || code !== 0);
  const reason: ExitReason = interrupted ? "interrupted" : code === 0 ? "exited" : "failed";
  const by = interrupted ? { ...run.startedBy, by: BY[asked] as Asker["by"] } : null;
  const token = crypto.randomUUID().replaceAll("-", "");
  const { startedAt, uptimeMs, lastLines } = more;
  const { startedBy } = run;
  return makeExit(
    { ...run, token, startedAt, restarts: 0 },
    { reason, code, signal, uptimeMs, by, startedBy, lastLines },
  );
}

function makeFailedExit(run: CapturedRun, { error, ...more }: { error: DtError } & EndFacts): ExitRecord {
  const { code, message, hint = null } = error;
  return {
    ...makeRunExit(run, { status: { code: null, signal: null }, signalled: null, ...more }),
    reason: "start-failed",
    text: `could not be started: ${message}`,
    error: { code, message, hint },
  };
}
