/** Ends a stack: with its launch, or once no record names it any longer. */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Given } from "../../compose/types.ts";
import type { LaunchRecord, StackNote } from "../../state/types.ts";
import { makeDirectories } from "../../sys/files/makedirectories.ts";
import { removeOwn } from "../../sys/files/removal.ts";
import { makeSeal } from "../../sys/seal/seal.ts";
import { readSealed, writeSealed } from "../../sys/seal/sealed.ts";
import { stackMark } from "../launch/stackmark.ts";
import type { Site } from "../launch/types.ts";
import type { Whereabouts } from "../tree/whereabouts.ts";

/** Kept in the user's home, so that `dt gc` finds what is left of a root or record that was removed. */
interface NotedStack {
  version: 1;
  root: string;
  key: string;
  /** Path of the record that names it. */
  record: string;
  stack: StackNote;
  /** The environment of its start. */
  env: Record<string, string>;
  given: Given;
}

const STACKS = "stacks";

export function noteStack(
  { home, root, store }: Pick<Site, "home" | "root" | "store">,
  {
    record: { key, stack },
    launch,
  }: { record: LaunchRecord; launch: { kept: Record<string, string> | null; given: Given | null } | null },
): void {
  if (home === null || stack === undefined || launch?.kept == null || launch.given === null) return;
  const { kept: env, given } = launch;
  try {
    makeDirectories(join(home, STACKS));
    const note: NotedStack = { version: 1, root, key, record: store.path(key, "record"), stack, env, given };
    writeSealed(join(home, STACKS, `${stack.project}.json`), { seal: makeSeal(home, home), value: note });
  } catch {
    // the home is read-only: then only its root names it
  }
}

/** Variables that say where the engine is and how Compose works, from the caller's environment. */
const OF_ENGINE = /^(DOCKER|COMPOSE|CONTAINER|BUILDKIT)_/;

/**
 * The environment in which Compose and the engine's client are run to end a stack or to look at it: the caller's own,
 * and what the start kept. Which engine it is comes from the start alone: another engine does not know the stack.
 */
export function stackEnvironment(
  { home, env }: Pick<Site, "home" | "env">,
  { project }: Pick<StackNote, "project">,
): Record<string, string> {
  const noted = home === null ? null : readNote(home, `${project}.json`);
  if (noted === null) return env;
  const own = Object.entries(env).filter(([name]) => !OF_ENGINE.test(name));
  return { ...Object.fromEntries(own), ...noted.env, PATH: env.PATH ?? "" };
}

function readNote(home: string, name: string): NotedStack | null {
  const read = readSealed(join(home, STACKS, name), {
    seal: makeSeal(home, home),
    check: (value) => value as NotedStack,
  });
  return read.is === "there" ? read.value : null;
}

function forgetStack(home: string | null, { project }: StackNote): void {
  if (home !== null) rmSync(join(home, STACKS, `${project}.json`), { force: true });
}

/** The stacks whose record or whole root is gone, and of which the engine still has containers. */
export async function strayStacks(
  ground: Pick<Site, "env"> & { home: string },
  where: Whereabouts,
): Promise<(NotedStack & { why: string })[]> {
  const { home } = ground;
  const names = existsSync(join(home, STACKS)) ? readdirSync(join(home, STACKS)) : [];
  const noted = names.flatMap((name) => {
    const note = readNote(home, name);
    if (note === null || existsSync(note.record)) return [];
    if (where.isMoved(note, ({ stack }) => stack?.project === note.stack.project)) return [];
    const gone = existsSync(note.root) ? "no launch names it any longer" : "its root is gone";
    return [{ ...note, why: `${gone}; the containers of ${note.stack.project} still exist` }];
  });
  if (noted.length === 0) return [];
  const { listContainers } = await import("../../compose/containers.ts");
  const counts = await Promise.all(
    noted.map(async ({ stack }) => (await listContainers(stack, stackEnvironment(ground, stack)))?.length ?? 0),
  );
  return noted.filter((_, at) => (counts[at] ?? 0) > 0);
}

export async function endStrayStack(
  ground: Pick<Site, "env"> & { home: string },
  { key, stack }: NotedStack,
): Promise<void> {
  const { takeDown } = await import("../../compose/teardown.ts");
  try {
    await takeDown(stack, { env: stackEnvironment(ground, stack), key });
  } catch (error) {
    if (!(await areGoneSoon(ground, stack))) throw error;
  }
  forgetStack(ground.home, stack);
}

const GONE_SOON_MS = 10_000;
const GONE_LOOK_MS = 100;

/** The host of a root that is gone may be removing the same containers, and the engine then refuses one of the two. */
async function areGoneSoon(ground: Pick<Site, "home" | "env">, stack: StackNote): Promise<boolean> {
  const { listContainers } = await import("../../compose/containers.ts");
  const deadline = performance.now() + GONE_SOON_MS;
  while (performance.now() < deadline) {
    const there = await listContainers(stack, stackEnvironment(ground, stack));
    if (there === null || there.length === 0) return there !== null; // null: no engine answers
    await Bun.sleep(GONE_LOOK_MS);
  }
  return false;
}

/** Runs `down`. Throws `teardown`. */
export async function endStack(
  ground: Site,
  { record, hard }: { record: LaunchRecord; hard?: AbortSignal | undefined },
): Promise<void> {
  removeOwn(stackMark(ground, record.token));
  if (record.stack === undefined) return;
  const { takeDown } = await import("../../compose/teardown.ts");
  const { stack } = record;
  const { onCommand } = ground;
  await takeDown(stack, {
    env: stackEnvironment(ground, stack),
    key: record.key,
    hard,
    given: ground.home === null ? undefined : readNote(ground.home, `${stack.project}.json`)?.given,
    onCommand: onCommand === undefined ? undefined : (line) => onCommand(line, stack.cwd),
  });
  forgetStack(ground.home, stack);
}
