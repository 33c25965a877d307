/**
 * Finds the root's host, or makes one. What a caller finds at the host's address, and what it then does:
 *
 *   nothing, or a socket that a killed host left    it makes a host, unless another caller is making one
 *   a host                                          it asks that host
 *   a host that says nothing for 300 ms             it passes that one over, and makes another in its place
 *
 * One caller at a time makes a host, under a lock beside the socket (address.ts). Two hosts of one root do no harm: the
 * key's lock is what keeps a key to one launch.
 */
import { DtError, EXIT } from "../../sys/base/error.ts";
import { HIDDEN } from "../../sys/base/hidden.ts";
import { lazy } from "../../sys/base/lazy.ts";
import { linkStatOf } from "../../sys/base/stat.ts";
import { tryFlock } from "../../sys/files/flock.ts";
import { canReadInherited } from "../../sys/inherit/inherited.ts";
import type { LineConnection } from "../../sys/net/line.ts";
import { connectForLines } from "../../sys/net/lineclient.ts";
import { spawnDetached } from "../../sys/spawn/spawn.ts";
import { linesOf } from "../../sys/text/textlines.ts";
import { toError } from "../launch/failure.ts";
import type { Ground } from "../launch/types.ts";
import { sharedHostEnvironment } from "../prepare/selfenv.ts";
import { makeRequestQueue } from "../run/queue.ts";
import { birthLockOf, hostAddress } from "./address.ts";
import { type Birth, type CallerWord, HOST_PROTOCOL, type HostWord, hostErrorFile, LONGEST_REQUEST } from "./wire.ts";

/** How long a host may take to say that it listens, in milliseconds. One that works does so at once. */
const HELLO_MS = 300;
/** How long another caller may take to make a host, in milliseconds. */
const BIRTH_MS = 1000;
const LOOK_EVERY_MS = 2;
/** A turn of the event loop, in milliseconds. */
const TURN_MS = 5;

/** A connection to a host that has said hello. */
export interface HostLine {
  pid: number;
  send(word: CallerWord): void;
  /** Until the host ends the connection, or is gone. */
  words(): AsyncGenerator<HostWord>;
  close(): void;
}

interface Reach {
  /** What the host's callers have in common besides the root (address.ts). Null: the host is for this caller alone. */
  kind: string | null;
  env: Record<string, string>;
}

/** Hosts that are being reached, or born, while their callers still find out what to ask. */
const expected = lazy(() => new WeakMap<Ground, Promise<HostLine | null>>());

/** Call it as soon as it is likely that the root's host will be asked for something. */
export function expectHost(ground: Ground): void {
  // Who asks later gets the error.
  if (canReadInherited)
    expected().set(
      ground,
      findOrMake(ground, { kind: "", env: ground.env }).catch(() => null),
    );
}

/**
 * Null when the host that was made has ended at once. Throws the error of a host that cannot begin, and
 * `no-socket-place`.
 */
export async function reachHost(ground: Ground, reach: Reach): Promise<HostLine | null> {
  const early = expected().get(ground);
  expected().delete(ground);
  if (reach.kind === "") return (await early) ?? findOrMake(ground, reach);
  void early?.then((line) => line?.close());
  return findOrMake(ground, reach);
}

async function findOrMake(ground: Ground, { kind, env }: Reach): Promise<HostLine | null> {
  if (kind === null) return makeHost(ground, { env, address: ownAddress(ground), isOwn: true });
  const address = hostAddress(ground, kind);
  const deadline = performance.now() + BIRTH_MS;
  for (;;) {
    const before = inodeOf(address);
    const found = await connectToHost(address);
    if (found !== null) return found;
    const turn = tryFlock(birthLockOf(address));
    if (turn.is === "busy" && performance.now() < deadline) {
      await Bun.sleep(LOOK_EVERY_MS);
      continue;
    }
    if (turn.is === "busy") return makeHost(ground, { env, address: ownAddress(ground), isOwn: true });
    try {
      // The caller that had the lock until now may have made one.
      const another = inodeOf(address) === before ? null : await connectToHost(address);
      return another ?? (await makeHost(ground, { env, address, isOwn: false }));
    } finally {
      if (turn.is === "held") turn.lock.release();
    }
  }
}

function inodeOf(address: string): number | undefined {
  return linkStatOf(address)?.ino;
}

function ownAddress(ground: Ground): string {
  return hostAddress(ground, crypto.randomUUID());
}

/** Null when there is none, or none that answers. Throws `foreign-socket`. */
async function connectToHost(address: string): Promise<HostLine | null> {
  const queue = makeRequestQueue<HostWord>();
  const over = Promise.withResolvers<void>();
  let line: LineConnection;
  try {
    line = await connectForLines(address, {
      onMessage: (word) => queue.push(word as HostWord),
      onClose: () => over.resolve(),
      mostWaiting: 2 * LONGEST_REQUEST,
    });
  } catch (error) {
    if (error instanceof DtError) throw error;
    return null; // nothing is there, or nothing listens, or it has just stopped
  }
  const next = async (): Promise<HostWord | null> => {
    for (;;) {
      const word = queue.take();
      if (word !== null) return word;
      const isOver = await Promise.race([queue.arrived().then(() => false), over.promise.then(() => true)]);
      if (isOver) return queue.take();
    }
  };
  const hello = await firstWord(next);
  if (hello?.is !== "hello" || hello.version !== HOST_PROTOCOL) {
    line.close();
    return null;
  }
  return {
    pid: hello.pid,
    send: line.send,
    async *words() {
      for (let word = await next(); word !== null; word = await next()) yield word;
    },
    close: line.close,
  };
}

/** What has arrived while this process was busy counts, too. */
async function firstWord(next: () => Promise<HostWord | null>): Promise<HostWord | null> {
  const first = next();
  const within = (ms: number) => Promise.race([first, Bun.sleep(ms).then(() => null)]);
  return (await within(HELLO_MS)) ?? within(TURN_MS);
}

/** Starts a host in a session of its own, and connects to it. */
async function makeHost(
  ground: Ground,
  { env, address, isOwn }: { env: Record<string, string>; address: string; isOwn: boolean },
): Promise<HostLine | null> {
  ground.store.prepare();
  const words = [ground.root, address, ...(isOwn ? ["own"] : [])];
  const host = spawnDetached([...ground.self, HIDDEN.host, ...words], {
    env: sharedHostEnvironment(env, ground.root),
    errorFile: hostErrorFile(ground),
  });
  for await (const text of linesOf(host.stdout, false)) {
    const birth = JSON.parse(text) as Birth;
    if (birth.is === "failed") throw toError(birth.error);
    return connectToHost(address);
  }
  return null;
}

/** `key`: the launch it was asked for; null: several, or none. */
export function hostLost(ground: Ground, key: string | null): DtError {
  const [whose, what] = key === null ? ["", "what it was asked for"] : [` of ${key}`, "the launch"];
  return new DtError("host-lost", `The host${whose} ended before it reported what became of ${what}.`, {
    status: EXIT.internal,
    hint: `See ${hostErrorFile(ground)}, and \`dt ps\` for what runs.`,
  });
}
