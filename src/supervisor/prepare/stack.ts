/**
 * A launch that is a stack of containers. Its leader is a process like any other: attached, Compose's own `up`;
 * detached, dt's follower, which runs `up -d` and then writes the containers' output to the log. Containers are not
 * below the leader in the process tree. So ending such a launch means ending its processes and then running `down`, by
 * the holder of the lock; the record says how before anything is started. A rerun converges: the old leader ends, and
 * the containers stay for the new `up`.
 *
 *   killed                        containers                    what ends them
 *   ---------------------------   ---------------------------   ------------------------------------------------
 *   dt, its host                  keep running, followed        stop or rerun, as with any launch without a host
 *   the follower                  keep running for an instant   the host sweeps: `down`
 *   host and follower             keep running, not followed    stop, or a rerun, which follows them again
 *   a stop, before or in `down`   run, or some do               the next start or stop finishes the recorded end
 */
import { join } from "node:path";
import { projectOf } from "../../compose/command.ts";
import type { Given } from "../../compose/types.ts";
import type { ManagedSettings, ResolvedCompose, ResolvedProbe } from "../../manifest/model/resolved.ts";
import type { LaunchRecord, StackNote } from "../../state/types.ts";
import { HIDDEN } from "../../sys/base/hidden.ts";
import { statOf } from "../../sys/base/stat.ts";
import { removeOwn } from "../../sys/files/removal.ts";
import { makeSeal } from "../../sys/seal/seal.ts";
import { readStackMark, stackMark } from "../launch/stackmark.ts";
import type { Ground, LaunchSpec, Report } from "../launch/types.ts";
import { isFree } from "../port/port.ts";
import type { PreparedCommand } from "./command.ts";

export interface StackLaunch {
  up: [string, ...string[]];
  record: StackNote;
  /** What ending the stack needs beside the record; null if another host has it already. */
  kept: Record<string, string> | null;
  given: Given | null;
  /** `up` in a form that the user can paste. */
  shown: string | null;
  /** For a launch that takes over containers: up to when their output is in the earlier run's log. */
  written?: { since: string; last: Record<string, string> };
}

/** Adds what Compose reads from its environment. */
export function withStack(
  root: string,
  { key, settings, compose }: { key: string; settings: ManagedSettings; compose: ResolvedCompose },
): ManagedSettings {
  return {
    ...settings,
    env: { ...settings.env, ...compose.env, COMPOSE_PROJECT_NAME: compose.project ?? projectOf(root, key) },
  };
}

interface StackLaunchRequest {
  spec: LaunchSpec;
  declared: ResolvedCompose;
  plain: PreparedCommand;
  report: Report;
  dry: boolean;
}

export async function prepareStackLaunch(
  ground: Ground,
  { spec, declared, plain: { cwd, environment }, report, dry }: StackLaunchRequest,
): Promise<StackLaunch> {
  const [{ prepareStack }, { givenTo, pastedLine }, { isTrusted }] = await Promise.all([
    import("../../compose/stack.ts"),
    import("../../compose/pasted.ts"),
    import("../../state/trust.ts"),
  ]);
  const { env } = environment;
  const given = givenTo({
    ...givenBy(spec, { declared, environment }),
    root: ground.root,
    cwd,
    file: declared.file,
    env,
  });
  const { up, record, kept } = await prepareStack({
    declared,
    root: ground.root,
    key: spec.key,
    cwd,
    env,
    given,
    cache: ground.cache,
    seal: makeSeal(ground.cache, ground.home),
    movedFile: join(ground.store.directory, `${spec.key}.compose.yaml`),
    isFree,
    dry,
    mayAsk: !dry || isTrusted(ground, ground.root),
    detach: spec.detached,
    recreate: spec.recreate === true,
    off: spec.off ?? [],
    args: spec.args,
    onCommand: (line) => report({ is: "command", line, cwd }),
    note: (text) => report({ is: "note", text }),
  });
  return {
    up: up as [string, ...string[]],
    record,
    kept,
    given,
    shown: pastedLine(up, { engine: record.engine, given }),
  };
}

/** Variables that dt adds for every launch do not concern Compose. */
const OWN = /^(PATH|PWD|NODE_PATH|TERM|FORCE_COLOR|CLICOLOR_FORCE|PYTHONUNBUFFERED|COMPOSE_PROJECT_NAME|DIALTONE_.*)$/;

function givenBy(
  { settings, env: inherited }: LaunchSpec,
  {
    declared: { env: own },
    environment: { env, declared, added },
  }: { declared: ResolvedCompose; environment: PreparedCommand["environment"] },
) {
  const written = { ...settings.env, ...own };
  // The ports of its needs, and its own.
  const found = Object.keys(added).filter((name) => !OWN.test(name) && !Object.hasOwn(declared, name));
  const set = [...Object.keys(written), ...found].filter((name) => !OWN.test(name));
  const fromFiles = Object.keys(declared).filter((name) => !OWN.test(name) && !Object.hasOwn(written, name));
  const project = env.COMPOSE_PROJECT_NAME as string;
  return { project, inherited, set, fromFiles, envFile: settings.envFile };
}

/** The command line of its leader. */
export function leaderOf(
  ground: Ground,
  { stack: { up, record, written }, token, detached }: { stack: StackLaunch; token: string; detached: boolean },
): [string, ...string[]] {
  if (!detached) return up;
  const input = {
    up,
    stack: { engine: record.engine, project: record.project },
    mark: stackMark(ground, token),
    runDirectory: ground.store.directory,
    home: ground.home,
    ...written,
  };
  return [...ground.self, HIDDEN.stack, JSON.stringify(input)] as unknown as [string, ...string[]];
}

/** How long pulling images, and containers waiting for each other, may take. */
const UP_MS = 15 * 60 * 1000;
const LOOK_EVERY_MS = 15;

/** The probes it waits for. For a detached stack, the first is that the stack is up. */
export function probesOf({ settings, detached }: Pick<LaunchSpec, "settings" | "detached">): ResolvedProbe[] {
  if (settings.compose === null || !detached) return settings.ready;
  const timing = { timeoutMs: UP_MS, intervalMs: LOOK_EVERY_MS, startPeriodMs: 0 };
  return [{ type: "stack", ...timing }, ...settings.ready];
}

/** Whether the next launch takes over the containers of this one. */
export function isConverging(old: LaunchRecord, next: StackLaunch | null): boolean {
  return next !== null && old.stack !== undefined && old.stack.project === next.record.project;
}

/** The next run's log begins where the last one ends, even though the containers were not followed in between. */
export function takingOver(ground: Ground, { stack, old }: { stack: StackLaunch; old: LaunchRecord }): StackLaunch {
  const mark = readStackMark(ground, old.token);
  removeOwn(stackMark(ground, old.token));
  // A killed follower left no time: that of its last write is the closest known.
  const since = new Date(Math.ceil(statOf(old.log)?.mtimeMs ?? Date.now()) + COARSE_MS).toISOString();
  return { ...stack, written: { since, last: mark.is === "there" ? (mark.value.last ?? {}) : {} } };
}

/** How far the kernel's time of a file may lag behind its clock. */
const COARSE_MS = 10;
