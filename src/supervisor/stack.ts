/**
 * A launch that is a stack of containers. Its leader is a process as any other: attached, Compose's own `up`; detached, dt's follower, which
 * runs `up -d` and then writes the containers' output to the log. Containers are nobody's children, so ending such a launch is ending its
 * processes and then `down`, by whoever holds the lock; the record says how from before anything is started. A rerun converges: the old
 * leader ends, the containers stay for the new `up`.
 *
 *   killed                         containers                what ends them
 *   ----------------------------   -----------------------   ------------------------------------------------
 *   dt, its host                   run on, followed          stop, rerun, as with any launch without a host
 *   the follower                   run on for an instant     the host sweeps: `down`
 *   host and follower              run on, not followed      stop, or a rerun, which follows them again
 *   a stop, before or in `down`    run, or some do           the next start or stop finishes the recorded end
 */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { baseOf, fileWord, projectOf } from "../compose/command.ts";
import type { Mark } from "../compose/follow.ts";
import type { Given } from "../compose/types.ts";
import type { ManagedSettings, ResolvedCompose, ResolvedProbe } from "../manifest/resolved.ts";
import type { LaunchRecord, StackNote } from "../state/types.ts";
import { type FileRead, makeDirectories, removeOwn } from "../sys/files.ts";
import { makeSeal } from "../sys/seal.ts";
import { readSealed, writeSealed } from "../sys/sealed.ts";
import { statOf } from "../sys/stat.ts";
import { isFree } from "./port.ts";
import type { PreparedCommand } from "./preparecommand.ts";
import type { Ground, LaunchSpec, Report } from "./types.ts";
import type { Whereabouts } from "./whereabouts.ts";

export const STACK_COMMAND = "__stack";

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
    import("../compose/stack.ts"),
    import("../compose/pasted.ts"),
    import("../state/trust.ts"),
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

/** What says how it is brought up and not what: two launches that differ in it alone are the same. */
export function withoutManner(up: readonly string[]): [string, ...string[]] {
  return up.filter((word) => word !== "-d" && word !== "--force-recreate") as [string, ...string[]];
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
  return [...ground.self, STACK_COMMAND, JSON.stringify(input)] as unknown as [string, ...string[]];
}

/** There as soon as a detached stack is up; names its containers, as `page-1`. */
export function stackMark({ store }: Pick<Ground, "store">, token: string): string {
  return join(store.directory, "launch", `${token}.up`);
}

export function readStackMark({ store }: Pick<Ground, "store">, token: string): FileRead<Mark> {
  return store.read(`launch/${token}.up`, (value) => value as Mark);
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

/** In the user's home, so that what is left of a root or a record that was removed can be found: `dt gc`. */
interface NotedStack {
  version: 1;
  root: string;
  key: string;
  /** Path of the record that tells of it. */
  record: string;
  stack: StackNote;
  /** The environment of its start. */
  env: Record<string, string>;
  given: Given;
}

const STACKS = "stacks";

export function noteStack(
  { home, root, store }: Pick<Ground, "home" | "root" | "store">,
  { key, stack }: LaunchRecord,
  launch: Pick<StackLaunch, "kept" | "given"> | null,
): void {
  if (home === null || stack === undefined || launch?.kept == null || launch.given === null) return;
  const { kept: env, given } = launch;
  try {
    makeDirectories(join(home, STACKS));
    const note: NotedStack = { version: 1, root, key, record: store.path(key, "record"), stack, env, given };
    writeSealed(join(home, STACKS, `${stack.project}.json`), makeSeal(home, home), note);
  } catch {
    // a read-only home: then only its root tells of it
  }
}

/** Where the engine is, and how Compose works, by the environment of whoever asks. */
const OF_ENGINE = /^(DOCKER|COMPOSE|CONTAINER|BUILDKIT)_/;

/**
 * What Compose and the engine's client are run with by whoever ends a stack or looks at it: their own environment, and what the start kept. Which
 * engine it is, the start alone says: another one knows nothing of it.
 */
export function stackEnvironment(
  { home, env }: Pick<Ground, "home" | "env">,
  { project }: Pick<StackNote, "project">,
): Record<string, string> {
  const noted = home === null ? null : readNote(home, `${project}.json`);
  if (noted === null) return env;
  const own = Object.entries(env).filter(([name]) => !OF_ENGINE.test(name));
  return { ...Object.fromEntries(own), ...noted.env, PATH: env.PATH ?? "" };
}

function readNote(home: string, name: string): NotedStack | null {
  const read = readSealed(join(home, STACKS, name), makeSeal(home, home), (value) => value as NotedStack);
  return read.is === "there" ? read.value : null;
}

function forgetStack(home: string | null, { project }: StackNote): void {
  if (home !== null) rmSync(join(home, STACKS, `${project}.json`), { force: true });
}

/** Those whose record or whole root is gone and of which the engine still has containers. */
export async function strayStacks(
  ground: Pick<Ground, "env"> & { home: string },
  where: Whereabouts,
): Promise<(NotedStack & { why: string })[]> {
  const { home } = ground;
  const names = existsSync(join(home, STACKS)) ? readdirSync(join(home, STACKS)) : [];
  const noted = names.flatMap((name) => {
    const note = readNote(home, name);
    if (note === null || existsSync(note.record)) return [];
    if (where.isMoved(note.root, note.key, ({ stack }) => stack?.project === note.stack.project)) return [];
    const gone = existsSync(note.root) ? "no launch tells of it any more" : "its root is gone";
    return [{ ...note, why: `${gone}; the containers of ${note.stack.project} are there` }];
  });
  if (noted.length === 0) return [];
  const { listContainers } = await import("../compose/containers.ts");
  const counts = await Promise.all(
    noted.map(async ({ stack }) => (await listContainers(stack, stackEnvironment(ground, stack)))?.length ?? 0),
  );
  return noted.filter((_, at) => (counts[at] ?? 0) > 0);
}

export async function endStrayStack(
  ground: Pick<Ground, "env"> & { home: string },
  { key, stack }: NotedStack,
): Promise<void> {
  const { takeDown } = await import("../compose/stack.ts");
  try {
    await takeDown(stack, stackEnvironment(ground, stack), key, {});
  } catch (error) {
    if (!(await areGoneSoon(ground, stack))) throw error;
  }
  forgetStack(ground.home, stack);
}

const GONE_SOON_MS = 10_000;
const GONE_LOOK_MS = 100;

/** The host of a root that is gone may be removing the same containers, and of two one is refused. */
async function areGoneSoon(ground: Pick<Ground, "home" | "env">, stack: StackNote): Promise<boolean> {
  const { listContainers } = await import("../compose/containers.ts");
  const deadline = performance.now() + GONE_SOON_MS;
  while (performance.now() < deadline) {
    const there = await listContainers(stack, stackEnvironment(ground, stack));
    if (there === null || there.length === 0) return there !== null; // null: no engine answers
    await Bun.sleep(GONE_LOOK_MS);
  }
  return false;
}

/** `down`. Throws `teardown`. */
export async function endStack(ground: Ground, record: LaunchRecord, hard?: AbortSignal): Promise<void> {
  removeOwn(stackMark(ground, record.token));
  if (record.stack === undefined) return;
  const { takeDown } = await import("../compose/stack.ts");
  const { stack } = record;
  const { onCommand } = ground;
  await takeDown(stack, stackEnvironment(ground, stack), record.key, {
    hard,
    given: ground.home === null ? undefined : readNote(ground.home, `${stack.project}.json`)?.given,
    onCommand: onCommand === undefined ? undefined : (line) => onCommand(line, stack.cwd),
  });
  forgetStack(ground.home, stack);
}

/** What is written of it before Compose's verb and as its services, for who asks whether today's manifest says the same. */
export function stackWords(
  root: string,
  stack: StackNote,
  args: readonly string[],
  cwd: string,
  compose: ResolvedCompose,
): string[] {
  const off = stack.off.flatMap((name) => compose.toggles[name] ?? []);
  const services = compose.services.filter((name) => !off.includes(name));
  const declared = fileWord(root, compose.file, cwd);
  const file = compose.movePorts && stack.movedFrom === declared ? stack.file : declared;
  return [...baseOf({ engine: stack.engine, file, profiles: compose.profiles }), "up", ...services, ...args];
}
