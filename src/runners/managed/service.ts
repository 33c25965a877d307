/**
 * Managed commands: in the foreground dt is the host and shows the log; detached, it starts
 * a host and reports the outcome.
 */

import { wordsOf } from "../../compose/command.ts";
import { formatCursor } from "../../logs/cursor.ts";
import { runIdOf } from "../../logs/runs.ts";
import type { ManagedSettings, ManifestIndex } from "../../manifest/model/resolved.ts";
import { formatTruth } from "../../output/truth.ts";
import { describeAsker } from "../../state/asker.ts";
import { isStopped } from "../../state/view.ts";
import { startDetached } from "../../supervisor/hosts/caller.ts";
import { TICKET_MARK } from "../../supervisor/launch/marks.ts";
import { refuseNested } from "../../supervisor/launch/nested.ts";
import { makeLaunchSpec } from "../../supervisor/launch/spec.ts";
import type { LaunchEvent, LaunchLine, LaunchSpec } from "../../supervisor/launch/types.ts";
import { dropTicket, mayWait, readTicket, takeTicket, watchTicket } from "../../supervisor/ticket/pending.ts";
import { EXIT } from "../../sys/base/error.ts";
import { statOf } from "../../sys/base/stat.ts";
import { print } from "../../sys/stdio/stdio.ts";
import { showCommand } from "../../values/commandline.ts";
import { DEFAULT_VARIANT, formatKey } from "../../values/key.ts";
import { cancelOnPress, TERMINATING } from "../parts/cancelling.ts";
import { tellEvent, tellLastLines } from "../parts/tell.ts";
import type { RunnerContext } from "../parts/types.ts";
import type { Needy } from "./needs.ts";

export interface ServiceRequest {
  plugin: string;
  command: string;
  variant: string;
  settings: ManagedSettings;
  args: string[];
  detach: boolean;
  /** Return once spawned, not once ready. */
  noWait: boolean;
  ensure: boolean;
  /** The manifests, for starting what it needs; null to start nothing (`--no-needs`). */
  index: ManifestIndex | null;
  /** Milliseconds; null: as declared in the manifest. */
  timeoutMs: number | null;
  /** Stop the launch that holds the port. */
  take: boolean;
  /** For a stack: the toggles that are off. */
  off: string[];
  /** For a stack: recreate its containers. */
  recreate: boolean;
  /** The process that it is tied to, as written: a pid, `shell`, `agent`. */
  owner: string | null;
}

export async function runService(context: RunnerContext, request: ServiceRequest): Promise<number> {
  const key = formatKey({
    plugin: request.plugin,
    command: request.command,
    variant: request.variant || DEFAULT_VARIANT,
  });
  const spec = makeSpec(context, request, key);
  if (context.dryRun) return showPlan(context, spec);
  refuseNested(context, key, "replace");
  const handed = context.ownEnv[TICKET_MARK];
  spec.ticket =
    mayWait(request.settings) || request.take
      ? takeTicket(context, key, spec.asker, handed)
      : readTicket(context, key, spec.asker, handed);
  // With needs, needs.ts closes the announcement once they have their tickets.
  if (!isNeedy(request)) context.announced?.close();
  try {
    return await startService(context, request, spec);
  } finally {
    dropTicket(context.ground, spec);
  }
}

async function startService(context: RunnerContext, request: ServiceRequest, spec: LaunchSpec): Promise<number> {
  if (request.index !== null && isNeedy(request)) {
    const cancelled = await startNeeded(context, request.index, spec);
    if (cancelled !== null) return cancelled;
  }
  if (request.take) await takePort(context, spec);
  if (request.owner !== null) {
    const { findOwner } = await import("../../supervisor/watch/owner.ts");
    spec.owner = findOwner(context.ground.table, request.owner);
  }
  if (request.detach) return runDetached(context, spec, request.noWait);
  if (!spec.settings.tty) return (await import("./foreground.ts")).runForeground(context, spec);
  const { runOnTerminal } = await import("./onterminal.ts");
  return runOnTerminal(context, spec);
}

function isNeedy({ index, settings }: ServiceRequest): boolean {
  return index !== null && needsSomething(settings);
}

async function takePort(context: RunnerContext, spec: LaunchSpec): Promise<void> {
  const { freePort } = await import("../../supervisor/start/takeport.ts");
  await freePort(context.ground, spec, (text) => context.talk.say(text));
}

/** Commands in `before` count too: they may have needs. */
export function needsSomething({ needs, before }: ManagedSettings): boolean {
  return needs.length + before.length > 0;
}

/** `--dry-run`: shows what would be started, and starts nothing. */
export async function showPlan(context: RunnerContext, spec: LaunchSpec): Promise<number> {
  const { ground, json } = context;
  const { prepareLaunch } = await import("../../supervisor/prepare/launch.ts");
  const { formatPlan } = await import("../parts/plan.ts");
  const { argv, cwd, environment, port, log } = await prepareLaunch(
    ground,
    spec,
    (event) => tellEvent(context, event),
    {
      dry: true,
    },
  );
  print(formatPlan({ key: spec.key, argv, cwd, added: environment.added, port, log }, json));
  return EXIT.done;
}

/**
 * Starts what the command needs. Returns the exit status when a signal ended this dt in the meantime, otherwise null.
 * Each such signal ends the one-shot that runs, since no other process would; only Ctrl-C, an explicit cancel, also
 * ends a launch that is being started.
 */
export async function startNeeded(context: RunnerContext, index: ManifestIndex, spec: Needy): Promise<number | null> {
  const { startNeeds } = await import("./needs.ts");
  const cancel = new AbortController();
  const gone = new AbortController();
  const heard = [cancelOnPress(cancel), cancelOnPress(gone, TERMINATING)];
  const stopped = watchTicket(context.ground, spec);
  const isOver = () => cancel.signal.aborted || gone.signal.aborted;
  try {
    const off = AbortSignal.any([stopped.signal, gone.signal]);
    await startNeeds({ context, index, needy: spec, cancel: cancel.signal, off });
  } catch (error) {
    if (!isOver()) throw error;
  } finally {
    stopped.close();
    for (const one of heard) one.close();
  }
  if (!isOver()) return null;
  context.talk.say(`${spec.key} not started: cancelled`);
  return Math.max(...heard.map((one) => one.status() ?? 0));
}

function makeSpec(context: RunnerContext, request: ServiceRequest, key: string): LaunchSpec {
  return makeLaunchSpec({
    key,
    settings: request.settings,
    args: request.args,
    readyTimeoutMs: request.timeoutMs,
    env: context.env,
    asker: describeAsker("user", context.argv),
    ensure: request.ensure,
    off: request.off,
    recreate: request.recreate,
    detached: request.detach,
  });
}

export async function runDetached(context: RunnerContext, spec: LaunchSpec, noWait: boolean): Promise<number> {
  const cancel = new AbortController();
  cancelOnPress(cancel);
  const last = await startDetached(
    context.ground,
    spec,
    noWait ? "spawned" : "ready",
    (event) => tellEvent(context, event),
    cancel.signal,
  );
  if (cancel.signal.aborted && last.is === "ended") return EXIT.interrupted;
  return concludeDetached(context, last, spec.settings.compose !== null);
}

/** Prints the line of truth, or why there is none. */
function concludeDetached(context: RunnerContext, last: LaunchEvent, isStack: boolean): number {
  const { ground, talk, json } = context;
  switch (last.is) {
    case "spawned":
    case "ready":
    case "unchanged":
    case "unhealthy": {
      const line = last.is === "spawned" && last.probed ? { ...last.line, state: "starting" } : last.line;
      if (last.is === "unhealthy" && talk.onCi) tellLastLines(context, line.key, line.log);
      const more = last.is === "unchanged" ? { unchanged: true } : {};
      print(
        json
          ? `${JSON.stringify({ ...line, ...more, cursor: cursorOf(context, line) })}\n`
          : formatTruth(ground.root, line),
      );
      return last.is === "unhealthy" ? EXIT.timeout : EXIT.done;
    }
    case "ended": {
      const { exit } = last;
      if (isStopped(exit)) {
        talk.say(`${exit.key} was ${exit.text} before it was ready`);
        if (json) print(`${JSON.stringify({ key: exit.key, state: "stopped", pid: null, exit })}\n`);
        return EXIT.interrupted;
      }
      if (json) print(`${JSON.stringify({ key: exit.key, state: "failed", pid: null, exit })}\n`);
      talk.fail(
        isStack
          ? `${wordsOf(exit.key)}: start: \`${showCommand(exit.argv)}\` ${exit.text}`
          : `${exit.key} ${exit.text} before it was ready`,
      );
      tellLastLines(context, exit.key, exit.log);
      if (isStack) talk.say(`Run \`dt ${wordsOf(exit.key)}\` without --detach to see everything Compose prints.`);
      return EXIT.failed;
    }
    default:
      return EXIT.internal;
  }
}

/**
 * A cursor at the current end of its log: `dt logs --after` shows what follows. Null when the launch is gone already.
 */
function cursorOf({ ground }: RunnerContext, { key, log }: LaunchLine): string | null {
  const record = ground.store.record(key);
  if (record.is !== "there") return null;
  return formatCursor({ key, run: runIdOf(record.value.token), offset: statOf(log)?.size ?? 0 });
}
