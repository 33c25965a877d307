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
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { baseOf, fileWord, projectOf } from "../compose/command.ts";
import type { Mark } from "../compose/follow.ts";
import type { ManagedSettings, ResolvedCompose, ResolvedProbe } from "../manifest/resolved.ts";
import type { LaunchRecord, StackNote } from "../state/types.ts";
import { readJson, writeJson } from "../sys/files.ts";
import { statOf } from "../sys/stat.ts";
import { isFree } from "./port.ts";
import type { PreparedCommand } from "./prepare.ts";
import type { Ground, LaunchSpec, Report } from "./types.ts";

export const STACK_COMMAND = "__stack";

export interface StackLaunch {
  up: [string, ...string[]];
  record: StackNote;
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
  const { prepareStack } = await import("../compose/stack.ts");
  const { up, record } = await prepareStack({
    declared,
    root: ground.root,
    key: spec.key,
    cwd,
    env: environment.env,
    set: Object.keys(environment.declared),
    cache: ground.cache,
    movedFile: join(ground.store.directory, `${spec.key}.compose.yaml`),
    isFree,
    dry,
    detach: spec.detached,
    recreate: spec.recreate === true,
    off: spec.off ?? [],
    args: spec.args,
    onCommand: (argv) => report({ is: "command", argv }),
    note: (text) => report({ is: "note", text }),
  });
  return { up: up as [string, ...string[]], record };
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
    stack: { client: record.client, project: record.project },
    mark: stackMark(ground, token),
    ...written,
  };
  return [...ground.self, STACK_COMMAND, JSON.stringify(input)] as unknown as [string, ...string[]];
}

/** There as soon as a detached stack is up; names its containers, as `page-1`. */
export function stackMark({ store }: Pick<Ground, "store">, token: string): string {
  return join(store.directory, "launch", `${token}.up`);
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
  const path = stackMark(ground, old.token);
  const mark = readJson(path, (value) => value as Mark);
  rmSync(path, { force: true });
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
}

const STACKS = "stacks";

export function noteStack(
  { home, root, store }: Pick<Ground, "home" | "root" | "store">,
  { key, stack }: LaunchRecord,
): void {
  if (home === null || stack === undefined) return;
  try {
    mkdirSync(join(home, STACKS), { recursive: true, mode: 0o700 });
    writeJson(join(home, STACKS, `${stack.project}.json`), {
      version: 1,
      root,
      key,
      record: store.path(key, "record"),
      stack,
    } satisfies NotedStack);
  } catch {
    // a read-only home: then only its root tells of it
  }
}

function forgetStack(home: string | null, { project }: StackNote): void {
  if (home !== null) rmSync(join(home, STACKS, `${project}.json`), { force: true });
}

/** Those whose record or whole root is gone and of which the engine still has containers. */
export async function strayStacks(home: string): Promise<(NotedStack & { why: string })[]> {
  const names = existsSync(join(home, STACKS)) ? readdirSync(join(home, STACKS)) : [];
  const noted = names.flatMap((name) => {
    const read = readJson(join(home, STACKS, name), (value) => value as NotedStack);
    if (read.is !== "there" || existsSync(read.value.record)) return [];
    const gone = existsSync(read.value.root) ? "no launch tells of it any more" : "its root is gone";
    return [{ ...read.value, why: `${gone}; the containers of ${read.value.stack.project} are there` }];
  });
  if (noted.length === 0) return [];
  const { listContainers } = await import("../compose/containers.ts");
  const counts = await Promise.all(noted.map(async ({ stack }) => (await listContainers(stack))?.length ?? 0));
  return noted.filter((_, at) => (counts[at] ?? 0) > 0);
}

export async function endStrayStack(home: string, { key, stack }: NotedStack): Promise<void> {
  const { takeDown } = await import("../compose/stack.ts");
  await takeDown(stack, key, {});
  forgetStack(home, stack);
}

/** `down`. Throws `teardown`. */
export async function endStack(ground: Ground, record: LaunchRecord, hard?: AbortSignal): Promise<void> {
  rmSync(stackMark(ground, record.token), { force: true });
  if (record.stack === undefined) return;
  const { takeDown } = await import("../compose/stack.ts");
  await takeDown(record.stack, record.key, { hard, onCommand: ground.onCommand });
  forgetStack(ground.home, record.stack);
}

/** What is written of it before Compose's verb and as its services, for who asks whether today's manifest says the same. */
export function stackWords(
  root: string,
  { stack, args }: LaunchRecord,
  cwd: string,
  compose: ResolvedCompose,
): string[] {
  const engine = (stack?.base ?? []).slice(0, (stack?.base ?? []).indexOf("-f"));
  const off = (stack?.off ?? []).flatMap((name) => compose.toggles[name] ?? []);
  const services = compose.services.filter((name) => !off.includes(name));
  const declared = fileWord(root, compose.file, cwd);
  const moved =
    compose.movePorts && stack?.movedFrom === declared ? stack.base[stack.base.indexOf("-f") + 1] : undefined;
  return [...baseOf(engine, moved ?? declared, compose.profiles), "up", ...services, ...args];
}
