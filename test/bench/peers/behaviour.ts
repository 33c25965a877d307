/** What is not a time: what a stop leaves, what a fast log costs the writer, and what is there after a crash of the tool. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "../../kit.ts";
import { readStamp } from "../ground.ts";
import { shuffled } from "../samples.ts";
import { adoptOrphans, begin, reap } from "../spawn.ts";
import { type Found, plainCell, rounded } from "./found.ts";
import { type Ground, isAlive, killAll, Session } from "./session.ts";
import { SHAPES } from "./shapes.ts";
import type { Cell, Peer } from "./types.ts";

/** The longest a peer waits by default before it kills. */
const PATIENCE_MS = 12_000;
const LOG_BYTES = 32 * 2 ** 20;
/** A peer that takes longer gets no further round, and its cell says "over". */
const LOG_LIMIT_MS = 20_000;

/** All shapes are started, and each is stopped; then the peer has some time to end what is left. */
export async function measureLeft(ground: Ground): Promise<Found> {
  const found: Found = { cells: {}, hello: [] };
  for (const peer of comparable(ground)) {
    const session = new Session(peer, ground, (dir) =>
      Object.keys(SHAPES).map((shape) => ({ name: shape, argv: [ground.programs.family, shape, join(dir, shape)] })),
    );
    try {
      await session.up();
      const pids = await Promise.all(Object.keys(SHAPES).map((shape) => startFamily(session, shape)));
      for (const shape of Object.keys(SHAPES)) begin(session.program(peer.stop(session.place, shape))).wait();
      await settlesAt(0, () => pids.flat().filter(isAlive).length);
      const left = Object.values(SHAPES).filter((_, at) => pids[at]?.some(isAlive));
      found.cells[peer.id] = { left: { median: left.length, names: left.join("; ") } };
    } finally {
      session.end();
    }
  }
  return found;
}

/** Gives the pids of parent and child. */
async function startFamily(session: Session, shape: string): Promise<number[]> {
  begin(session.program(session.startWords(shape))).wait();
  return until(`${session.peer.id} runs the two processes of ${shape}`, () => {
    const pids = readPids(join(session.place.dir, `${shape}.pids`));
    return pids.length === 2 && pids;
  });
}

/** Whether the count gets there in the time that the peers may take. */
async function settlesAt(count: number, look: () => number): Promise<boolean> {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await Bun.sleep(20)) if (look() === count) return true;
  return false;
}

function readPids(file: string): number[] {
  try {
    return readFileSync(file, "latin1").trim().split("\n").map(Number);
  } catch {
    return [];
  }
}

/** The writer's own time against its time into `>> file`, in turns. */
export async function measureLog(ground: Ground, rounds: number): Promise<Found> {
  const sessions: Session[] = [];
  const ratios = new Map<string, number[]>();
  /** Those that were not done within the limit, and the ratio of the limit itself. */
  const slow = new Map<Session, number>();
  try {
    for (const peer of comparable(ground)) {
      const session = new Session(peer, ground, (dir) => [{ name: "c1", argv: [writerIn(ground, dir)] }]);
      sessions.push(session);
      await session.up();
    }
    for (let round = 0; round < rounds; round++) {
      for (const session of shuffled(sessions.filter((one) => !slow.has(one)))) {
        await Bun.sleep(0); // so that a signal is heard
        const direct = writeDirectly(session);
        const took = writeBelow(session);
        if (took === null) slow.set(session, LOG_LIMIT_MS / direct);
        else ratios.set(session.peer.id, [...(ratios.get(session.peer.id) ?? []), took / direct]);
      }
    }
  } finally {
    for (const session of sessions) session.end();
  }
  const cells: Found["cells"] = {};
  for (const [id, values] of ratios) cells[id] = { log: plainCell({ values }) };
  for (const [{ peer }, least] of slow) cells[peer.id] = { log: { median: rounded(least), isLeast: true } };
  return { cells, hello: [] };
}

/** Writes and then waits, since some peers start again what has ended. */
function writerIn({ programs }: Ground, dir: string): string {
  const script = join(dir, "writer.sh");
  writeFileSync(script, `#!/bin/sh\n${programs.lines} ${LOG_BYTES} ${dir}/took && exec sleep 1000000\n`, {
    mode: 0o755,
  });
  return script;
}

/** Null when it is not done within the limit. */
function writeBelow(session: Session): number | null {
  const { peer, place } = session;
  const result = join(place.dir, "took");
  rmSync(result, { force: true });
  begin(session.program(session.startWords("c1"))).wait();
  const limit = Date.now() + LOG_LIMIT_MS;
  while (!existsSync(result) && Date.now() < limit) Bun.sleepSync(1);
  const took = existsSync(result) ? readStamp(result) : null;
  begin(session.program(peer.stop(place, "c1"))).wait();
  const end = Date.now() + PATIENCE_MS;
  while (session.processes().length > session.toolProcesses().length && Date.now() < end) Bun.sleepSync(10);
  return took;
}

function writeDirectly(session: Session): number {
  const { dir, commands } = session.place;
  const script = commands[0]?.argv[0] as string;
  const result = join(dir, "took");
  rmSync(result, { force: true });
  const shell = begin(session.program(["sh", "-c", `exec ${script} >> direct.log`]));
  const took = readStamp(result, 1);
  shell.kill(9);
  shell.wait();
  rmSync(join(dir, "direct.log"));
  return took;
}

/** Every process of the tool is killed while one launch runs; then the tool is set up again, and asked to start and stop it. */
export async function measureKilled(ground: Ground): Promise<Found> {
  const found: Found = { cells: {}, hello: [] };
  adoptOrphans();
  for (const peer of comparable(ground)) {
    const argv = (dir: string): [string, string] => [ground.programs.stamp, join(dir, "c1")];
    const session = new Session(peer, ground, (dir) => [{ name: "c1", argv: argv(dir) }]);
    try {
      found.cells[peer.id] = await killedCells(session);
    } finally {
      session.end();
    }
  }
  return found;
}

async function killedCells(session: Session): Promise<{ killedStart: Cell; killedStop: Cell }> {
  const { peer, place } = session;
  const look = () => session.instances("c1").length;
  await session.up();
  begin(session.program(session.startWords("c1"))).wait();
  if (!(await settlesAt(1, look))) throw new Error(`${peer.id} started ${look()} instances`);
  for (let pids = session.toolProcesses(); pids.length > 0; pids = session.toolProcesses()) {
    killAll(pids);
    await Bun.sleep(50);
    for (const pid of pids) reap(pid);
  }
  await session.up();
  begin(session.program(session.startWords("c1"))).wait();
  await Bun.sleep(2000); // what the tool does by itself after its crash is done
  const afterStart = look();
  begin(session.program(peer.stop(place, "c1"))).wait();
  await settlesAt(0, look);
  return { killedStart: { median: afterStart }, killedStop: { median: look() } };
}

function comparable({ peers }: Ground): Peer[] {
  return peers.filter(({ measures }) => measures === null);
}
