/** Start, replace and stop of one command: phase after phase, and in each phase the peers in a new random order. */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { readStamp } from "../ground.ts";
import type { Series } from "../samples.ts";
import { shuffled } from "../samples.ts";
import { begin, now, sleepFor, time } from "../spawn.ts";
import { type Found, pairedCell } from "./found.ts";
import { type Ground, isAlive, Session } from "./session.ts";
import type { Words } from "./types.ts";

type Phase = "start" | "replace" | "stop";

const NAME = "c1";
/** What follows each phase. Some peers wait before they start again what just began or ended, to slow a loop of crashes. */
const PAUSE_MS: Record<Phase, number> = { start: 1200, replace: 200, stop: 1200 };
const STOP_LIMIT_MS = 30_000;
/** A call that started nothing by then gives no figure. */
const BEGIN_LIMIT_MS = 4000;

export async function measureLife(ground: Ground, rounds: number): Promise<Found> {
  const sessions = await openSessions(ground);
  const series = new Map<string, { value: Series; hello: Series }>();
  const hellos: number[] = [];
  const note = (id: string, phase: Phase, values: { value: number; hello: number }) => {
    const key = `${id} ${phase}`;
    const into = series.get(key) ?? { value: { values: [] }, hello: { values: [] } };
    into.value.values.push(values.value);
    into.hello.values.push(values.hello);
    series.set(key, into);
  };
  try {
    for (let round = -1; round < rounds; round++) {
      for (const phase of ["start", "replace", "stop"] as const) {
        const hello = timeHello(ground);
        if (round >= 0) hellos.push(hello);
        for (const session of shuffled(sessions)) {
          await Bun.sleep(0); // so that a signal is heard
          const value = sample(session, phase);
          if (round >= 0 && value !== null) note(session.peer.id, phase, { value, hello });
        }
        await Bun.sleep(PAUSE_MS[phase]);
      }
    }
  } finally {
    for (const session of sessions) session.end();
  }
  const cells: Found["cells"] = {};
  for (const { peer } of sessions) {
    const of = (phase: Phase) => {
      const both = series.get(`${peer.id} ${phase}`);
      return both === undefined ? { none: "no such command" } : pairedCell(both.value, both.hello);
    };
    cells[peer.id] = { start: of("start"), replace: of("replace"), stop: of("stop") };
  }
  return { cells, hello: hellos };
}

async function openSessions(ground: Ground): Promise<Session[]> {
  const sessions: Session[] = [];
  for (const peer of ground.peers) {
    if (peer.measures !== null) continue;
    const session = new Session(peer, ground, (dir) => [
      { name: NAME, argv: [ground.programs.stamp, join(dir, NAME)] },
    ]);
    sessions.push(session);
    await session.up();
    if (peer.beside !== undefined) begin(session.program(peer.beside)).wait();
  }
  return sessions;
}

export function timeHello({ programs }: Ground): number {
  const { from, to } = time({ argv: [programs.hello], cwd: "/", env: {} });
  return to - from;
}

function sample(session: Session, phase: Phase): number | null {
  if (phase === "stop") return sampleStop(session);
  const words = phase === "start" ? prepareStart(session) : session.peer.restart?.(session.place, NAME);
  if (words === undefined) return null;
  return sampleBegin(session, words);
}

function prepareStart(session: Session): Words {
  const whole = session.peer.startWhole;
  if (whole === undefined) return session.startWords(NAME);
  session.killEverything();
  for (const path of whole.remove) rmSync(join(session.place.dir, path), { force: true });
  return whole.words;
}

/** Until the command's first instruction; null where nothing began. */
function sampleBegin(session: Session, words: Words): number | null {
  const file = join(session.place.dir, `${NAME}.start`);
  rmSync(file, { force: true });
  const call = begin(session.program(words));
  while (!existsSync(file) && now() - call.from < BEGIN_LIMIT_MS) sleepFor(0.2);
  const took = existsSync(file) ? readStamp(file) - call.from : null;
  call.wait();
  return took;
}

/** Until the call has returned and the process is gone, whichever is later; null where nothing runs. */
function sampleStop(session: Session): number | null {
  const pids = session.instances(NAME);
  if (pids.length === 0) return null;
  const call = begin(session.program(session.peer.stop(session.place, NAME)));
  call.wait();
  while (pids.some(isAlive)) {
    if (now() - call.from > STOP_LIMIT_MS) throw new Error(`${session.peer.id} did not stop ${pids.join(", ")}`);
    sleepFor(0.2);
  }
  return now() - call.from;
}
