/**
 * The leader of a detached stack: a process that brings the stack up and then writes its containers' output to the
 * launch's log, across restarts and recreation. It ends when the stack does. If it is killed, the containers run on,
 * and the engine still reports them.
 */
import { makeSeal } from "../sys/seal/seal.ts";
import { writeSealed } from "../sys/seal/sealed.ts";
import { bunSpawn } from "../sys/spawn/bunspawn.ts";
import { writeBytes } from "../sys/stdio/stdio.ts";
import { linesOf } from "../sys/text/textlines.ts";
import { ENGINES } from "./command.ts";
import { areOver, labelOf, listContainers } from "./containers.ts";
import type { Container, StackRecord } from "./types.ts";

/** As plain JSON. */
export interface FollowInput {
  up: string[];
  stack: Pick<StackRecord, "engine" | "project">;
  /** Path of the file that is written when the stack is up: first without containers, then with their names. */
  mark: string;
  /** The mark is sealed for this directory, with the secret of `home`. */
  runDirectory: string;
  home: string | null;
  /** Output of containers from before this time is not written. Default: now. */
  since?: string;
  /** The same for single containers, by id and exact to the line: an earlier follower left it in its mark. */
  last?: Record<string, string>;
}

/** The content of the mark. */
export interface FollowMark {
  containers: string[];
  /** The time of each container's last line, by id; written when SIGTERM ends a follower. */
  last?: Record<string, string>;
}

/** The engine's events prompt a look; where they fail, this interval does. */
const LOOK_EVERY_MS = 10_000;
/** A container with a restart policy is `exited` for a moment. */
const OVER_MS = 700;
const AGAIN_MS = 1000;

/** Resolves to the exit code. */
export async function followStack(input: FollowInput, env: Record<string, string>): Promise<number> {
  const { mark } = input;
  const seal = makeSeal(input.runDirectory, input.home);
  const followers: Followers = new Map(
    Object.entries(input.last ?? {}).map(([id, last]) => [id, { last, done: true }]),
  );
  const told = Promise.withResolvers<number>();
  let containers: string[] | null = null;
  process.on("SIGTERM", () => {
    const last = Object.fromEntries([...followers].map(([id, one]) => [id, one.last]));
    try {
      if (containers !== null) writeSealed(mark, { seal, value: { version: 1, containers, last } });
    } catch {
      // its directory is gone, or the disk is full: the next follower uses the time of the log's last write
    }
    told.resolve(TERMINATED);
  });
  const onUp = (names: string[]) => {
    containers = names;
    writeSealed(mark, { seal, value: { version: 1, containers } });
  };
  return Promise.race([told.promise, followUntilOver(input, { env, followers, onUp })]);
}

const TERMINATED = 128 + 15;

type Followers = Map<string, { last: string; done: boolean }>;

async function followUntilOver(
  { up, stack, since = new Date().toISOString() }: FollowInput,
  { env, followers, onUp }: { env: Record<string, string>; followers: Followers; onUp: (names: string[]) => void },
): Promise<number> {
  const code = await bringUp(up, env);
  if (code !== 0) return code;
  onUp([]);
  const made = await listContainers(stack, env);
  onUp((made ?? []).map(nameOf));
  const wake = makeWake();
  void watchEvents(stack, { env, ring: wake.ring });
  let everSeen = false;
  for (;;) {
    const containers = await listContainers(stack, env);
    for (const one of containers ?? [])
      follow(stack, { env, container: one, siblings: containers ?? [], followers, since, ring: wake.ring });
    everSeen ||= (containers ?? []).length > 0;
    if (containers !== null && everSeen && areOver(containers)) {
      await Bun.sleep(OVER_MS);
      const again = await listContainers(stack, env);
      const drained = [...followers.values()].every(({ done }) => done);
      if (again !== null && areOver(again) && drained) return conclude(again, containers);
      if (again !== null && areOver(again)) continue;
    }
    await wake.rung(LOOK_EVERY_MS);
  }
}

async function bringUp(argv: string[], env: Record<string, string>): Promise<number> {
  const program = Bun.which(argv[0] as string, { PATH: env.PATH ?? "" });
  if (program === null) return 127;
  const child = bunSpawn([program, ...argv.slice(1)], { env, stdin: "ignore", stdout: "inherit", stderr: "inherit" });
  return child.exited;
}

/** Containers that were removed behind dt's back are no success. */
function conclude(containers: Container[], before: Container[]): number {
  if (containers.length === 0) {
    const names = [...new Set(before.map(({ service }) => service))].join(", ");
    say(`the containers are gone${names === "" ? "" : ` (${names})`}\n`);
    return 1;
  }
  for (const one of containers) say(`${one.service}-${one.number} exited with code ${one.exitCode ?? "unknown"}\n`);
  return containers.find(({ exitCode }) => exitCode !== 0)?.exitCode ?? 0;
}

/** Writes to the log, unfiltered like the containers' own output. */
function say(text: string): void {
  writeBytes(1, Buffer.from(text));
}

interface ContainerToFollow {
  env: Record<string, string>;
  container: Container;
  siblings: Container[];
  followers: Followers;
  since: string;
  ring: () => void;
}

/** Runs one `logs --follow` per run of a container; it continues after the last line that was written. */
function follow(
  { engine }: FollowInput["stack"],
  { env, container, siblings, followers, since, ring }: ContainerToFollow,
): void {
  const known = followers.get(container.id);
  if (known !== undefined && !known.done) return;
  if (known !== undefined && container.state !== "running") return;
  const mine = { last: known?.last ?? since, done: false };
  followers.set(container.id, mine);
  const width = Math.max(...siblings.map((one) => nameOf(one).length));
  const argv = ["logs", "--follow", "--timestamps", "--since", mine.last, container.id];
  const child = bunSpawn([clientOf(engine, env), ...argv], { env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const prefix = `${nameOf(container).padEnd(width)} | `;
  const first = mine.last;
  const copy = (stream: ReadableStream<Uint8Array>) =>
    copyLines(stream, (line) => {
      const cut = line.indexOf(" ");
      const time = line.slice(0, cut);
      if (!/^\d{4}-/.test(time)) return say(`${prefix}${line}\n`);
      // `--since` includes the line that was last.
      if (known !== undefined && time === first) return;
      if (time > mine.last) mine.last = time;
      say(`${prefix}${line.slice(cut + 1)}\n`);
    });
  void Promise.all([copy(child.stdout), copy(child.stderr), child.exited]).finally(() => {
    mine.done = true;
    ring();
  });
}

function clientOf(engine: FollowInput["stack"]["engine"], env: Record<string, string>): string {
  const { client } = ENGINES[engine];
  return Bun.which(client, { PATH: env.PATH ?? "" }) ?? client;
}

function nameOf({ service, number }: Container): string {
  return `${service}-${number}`;
}

async function copyLines(stream: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<void> {
  for await (const line of linesOf(stream, true)) onLine(line);
}

/** Rings at each event of the project's containers; subscribes again after the engine restarts. */
async function watchEvents(
  stack: FollowInput["stack"],
  { env, ring }: { env: Record<string, string>; ring: () => void },
): Promise<void> {
  const argv = ["events", "--filter", "type=container", "--filter", labelOf(stack.project), "--format", "{{.Status}}"];
  for (;;) {
    const child = bunSpawn([clientOf(stack.engine, env), ...argv], {
      env,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore",
    });
    await copyLines(child.stdout, (line) => {
      if (!line.startsWith("exec_")) ring();
    });
    await child.exited;
    await Bun.sleep(AGAIN_MS);
    ring();
  }
}

function makeWake() {
  let waiting: (() => void) | null = null;
  let rings = 0;
  return {
    ring: () => {
      rings++;
      waiting?.();
    },
    rung: async (limitMs: number) => {
      if (rings === 0) {
        const { promise, resolve } = Promise.withResolvers<void>();
        waiting = resolve;
        const timer = setTimeout(resolve, limitMs);
        await promise;
        clearTimeout(timer);
        waiting = null;
      }
      rings = 0;
    },
  };
}
