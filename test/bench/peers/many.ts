/** Many launches: what their list costs, and the memory of everything that the tool added for them. */
import { join } from "node:path";
import { settled, until } from "../../kit.ts";
import { takeTurns } from "../samples.ts";
import { begin, time } from "../spawn.ts";
import { type Found, pairedCell, rounded } from "./found.ts";
import { timeHello } from "./life.ts";
import { type Ground, readProc, Session } from "./session.ts";
import type { Command, MeasureId, Peer } from "./types.ts";

const RUNNING_LIMIT_MS = 30_000;

export interface Crowd {
  count: 1 | 20 | 200;
  rounds: number;
}

/**
 * With one launch all peers are up at once and take turns. With more they come one after another, each in turns with the
 * hello world: their processes would slow down whoever looks at all of the machine. A second row of the same tool comes
 * alone too, since the two would share the memory of one program.
 */
export async function measureMany(ground: Ground, crowd: Crowd): Promise<Found> {
  const found: Found = { cells: {}, hello: [] };
  const isAlone = ({ measures }: Peer) => crowd.count > 1 || measures !== null;
  const groups = [ground.peers.filter((peer) => !isAlone(peer)), ...ground.peers.filter(isAlone).map((peer) => [peer])];
  for (const peers of groups) {
    try {
      const one = await measureTogether({ ...ground, peers }, crowd);
      Object.assign(found.cells, one.cells);
      found.hello.push(...one.hello);
    } catch (error) {
      // the figures of the others stand
      console.error(`${peers.map(({ id }) => id).join(", ")} with ${crowd.count}: ${error}`);
    }
  }
  return found;
}

async function measureTogether(ground: Ground, { count, rounds }: Crowd): Promise<Found> {
  const list: MeasureId = `list${count}`;
  const memory: MeasureId = `memory${count}`;
  const sessions: Session[] = [];
  const cells: Found["cells"] = {};
  try {
    for (const peer of ground.peers) {
      if (peer.most < count) {
        cells[peer.id] = { [list]: { none: "too many for it" }, [memory]: { none: "too many for it" } };
        continue;
      }
      const session = await startCrowd(ground, { peer, count });
      sessions.push(session);
      cells[peer.id] = { [memory]: { median: rounded(memoryOf(session)) } };
    }
    const { hello, ...series } = await takeTurns(rounds, {
      hello: inTurn(() => timeHello(ground)),
      ...Object.fromEntries(sessions.flatMap(listerOf)),
    } as Record<string, () => Promise<number>>);
    for (const { peer } of sessions) {
      if (peer.measures !== null) continue;
      const values = series[peer.id];
      cells[peer.id]![list] = values === undefined ? { none: "no such command" } : pairedCell(values, hello!);
    }
    return { cells, hello: hello!.values };
  } finally {
    for (const session of sessions) session.end();
  }
}

async function startCrowd(ground: Ground, { peer, count }: { peer: Peer; count: number }): Promise<Session> {
  const session = new Session(peer, ground, (dir) =>
    Array.from({ length: count }, (_, at): Command => {
      const name = `c${at + 1}`;
      return { name, argv: [ground.programs.stamp, join(dir, name)] };
    }),
  );
  await session.up();
  const names = session.place.commands.map(({ name }) => name);
  const calls = peer.startAll === undefined ? names.map((name) => session.startWords(name)) : [peer.startAll];
  for (const words of calls) {
    await Bun.sleep(0); // so that a signal is heard
    begin(session.program(words)).wait();
  }
  await until(
    `${peer.id} runs ${count} launches`,
    () => session.processes().length - session.toolProcesses().length >= count,
    RUNNING_LIMIT_MS,
  );
  await settled(`${peer.id} with ${count} launches`, () => session.toolProcesses().length);
  return session;
}

/** In MiB: the proportional set size, so that what several processes share is counted once. */
function memoryOf(session: Session): number {
  const kibibytes = session
    .toolProcesses()
    .map((pid) => Number(/^Pss:\s+(\d+)/m.exec(readProc(pid, "smaps_rollup"))?.[1] ?? 0));
  return kibibytes.reduce((sum, one) => sum + one, 0) / 1024;
}

function listerOf(session: Session): [id: string, sampler: () => Promise<number>][] {
  const { list, measures, id } = session.peer;
  if (list === null || measures !== null) return [];
  const program = session.program(list);
  const lister = () => {
    const { from, to } = time(program);
    return to - from;
  };
  return [[id, inTurn(lister)]];
}

/** With a turn of the event loop before it, so that a signal is heard. */
function inTurn(sample: () => number): () => Promise<number> {
  return async () => {
    await Bun.sleep(0);
    return sample();
  };
}
