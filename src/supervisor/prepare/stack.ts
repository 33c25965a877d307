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
  /** What whoever ends it must have beside the record; none where another host has it already. */
  kept: Record<string, string> | null;
  given: Given | null;
  /** `up` as a person can paste it. */
  shown: string | null;
  /** Of one that takes over containers: until when their output is in the earlier run's log. */
  written?: { since: string; last: Record<string, string> };
}

/** With what Compose looks for in its environment. */
export function withStack(
  root: string,
  key: string,
  settings: ManagedSettings,
  compose: ResolvedCompose,
): ManagedSettings {
  return {
    ...settings,
    env: { ...settings.env, ...compose.env, COMPOSE_PROJECT_NAME: compose.project ?? projectOf(root, key) },
  };
}

export async function prepareStackLaunch(
  ground: Ground,
  spec: LaunchSpec,
  declared: ResolvedCompose,
  { cwd, environment }: PreparedCommand,
  report: Report,
  dry: boolean,
): Promise<StackLaunch> {
  const [{ prepareStack }, { givenTo, pastedLine }, { isTrusted }] = await Promise.all([
    import("../../compose/stack.ts"),
    import("../../compose/pasted.ts"),
    import("../../state/trust.ts"),
  ]);
  const { env } = environment;
  const given = givenTo({ ...givenBy(spec, declared, environment), root: ground.root, cwd, file: declared.file, env });
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
  return { up: up as [string, ...string[]], record, kept, given, shown: pastedLine(up, record.engine, given) };
}

/** What dt itself adds for every launch is no concern of Compose's. */
const OWN = /^(PATH|PWD|NODE_PATH|TERM|FORCE_COLOR|CLICOLOR_FORCE|PYTHONUNBUFFERED|COMPOSE_PROJECT_NAME|DIALTONE_.*)$/;

function givenBy(
  { settings, env: inherited }: LaunchSpec,
  { env: own }: ResolvedCompose,
  { env, declared, added }: PreparedCommand["environment"],
) {
  const written = { ...settings.env, ...own };
  // Ports of what it needs, and its own.
  const found = Object.keys(added).filter((name) => !OWN.test(name) && !Object.hasOwn(declared, name));
  const set = [...Object.keys(written), ...found].filter((name) => !OWN.test(name));
  const fromFiles = Object.keys(declared).filter((name) => !OWN.test(name) && !Object.hasOwn(written, name));
  const project = env.COMPOSE_PROJECT_NAME as string;
  return { project, inherited, set, fromFiles, envFile: settings.envFile };
}

/** What is executed for it. */
export function leaderOf(
  ground: Ground,
  { up, record, written }: StackLaunch,
  token: string,
  detached: boolean,
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

/** How long images may be pulled, and containers wait for each other. */
const UP_MS = 15 * 60 * 1000;
const LOOK_EVERY_MS = 15;

/** What it waits for to be ready: of a detached stack, first of all that it is up. */
export function probesOf({ settings, detached }: Pick<LaunchSpec, "settings" | "detached">): ResolvedProbe[] {
  if (settings.compose === null || !detached) return settings.ready;
  const timing = { timeoutMs: UP_MS, intervalMs: LOOK_EVERY_MS, startPeriodMs: 0 };
  return [{ type: "stack", ...timing }, ...settings.ready];
}

/** Whether the next launch takes over the containers of this one. */
export function isConverging(old: LaunchRecord, next: StackLaunch | null): boolean {
  return next !== null && old.stack !== undefined && old.stack.project === next.record.project;
}

/** The next run's log begins where the last one ends, though nobody followed the containers in between. */
export function takingOver(ground: Ground, stack: StackLaunch, old: LaunchRecord): StackLaunch {
  const mark = readStackMark(ground, old.token);
  removeOwn(stackMark(ground, old.token));
  // A follower that was killed left no word: then the time of its last write is as near as one can come.
  const since = new Date(Math.ceil(statOf(old.log)?.mtimeMs ?? Date.now()) + COARSE_MS).toISOString();
  return { ...stack, written: { since, last: mark.is === "there" ? (mark.value.last ?? {}) : {} } };
}

/** By so much the kernel's time of a file may be behind its clock. */
const COARSE_MS = 10;
