/**
 * The lock under contention of real processes whose holders are killed: never two owners, no update lost. Two dozen
 * seconds at most by default; the published figures come from DT_LOCK_CONTENDERS=64 DT_LOCK_ROUNDS=10000.
 */
import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type LockBackend, readHolder } from "../../../src/sys/lock/lock.ts";
import { makeProcessTable } from "../../../src/sys/process/table.ts";
import { makeSeal } from "../../../src/sys/seal/seal.ts";
import { tellNumbers } from "../../fault/numbers.ts";
import { makeScratch } from "../../kit/scratch.ts";
import { until } from "../../kit.ts";
import type { Denied } from "../deny.ts";
import { COUNTER_WIDTH, type WorkerPlan } from "./lock.worker.ts";

const CONTENDERS = Number(process.env.DT_LOCK_CONTENDERS ?? 8);
const ROUNDS = Number(process.env.DT_LOCK_ROUNDS ?? 200);
/** A kill every so many acquisitions, so that a long run has many. */
const KILL_EVERY = Number(process.env.DT_LOCK_KILL_EVERY ?? Math.max(60, Math.round((CONTENDERS * ROUNDS) / 400)));
const LIMIT_MS = 60_000 + CONTENDERS * ROUNDS * 5;

interface Kind {
  backend: LockBackend | null;
  deny: Denied[];
}

const LINK: Kind = { backend: "link", deny: [] };
const EXCL: Kind = { backend: "excl", deny: [] };
const NO_LINKS: Kind = { backend: null, deny: ["link"] };

/** Contenders take these kinds in turn. */
const CASES: [what: string, kinds: Kind[]][] = [
  ["link", [LINK]],
  ["excl", [EXCL]],
  ["link and excl mixed", [LINK, EXCL]],
  ["a file system without hard links", [NO_LINKS]],
  ["hard links that work for some and fail for others", [{ backend: null, deny: [] }, NO_LINKS]],
];

const scratch = makeScratch();

interface Notes {
  counted: number[];
  backends: Set<string>;
  broke: number;
  double: string[];
}

/** A contender killed in its first moments has no notes yet. */
function readLines(path: string): string[] {
  return existsSync(path) ? readFileSync(path, "utf8").split("\n").filter(Boolean) : [];
}

function readNotes(directory: string): Notes {
  const lines = readdirSync(directory)
    .filter((name) => name.startsWith("ack."))
    .flatMap((name) => readLines(join(directory, name)));
  const double = lines.filter((line) => line.startsWith("DOUBLE"));
  const rows = lines.filter((line) => !line.startsWith("DOUBLE")).map((line) => line.split(" "));
  return {
    counted: rows.map((row) => Number(row[0])),
    backends: new Set(rows.map((row) => row[1] as string)),
    broke: rows.filter((row) => row[2] === "1").length,
    double,
  };
}

function counterOf(directory: string): number {
  return Number(readFileSync(join(directory, "counter"), "utf8"));
}

for (const [what, kinds] of CASES) {
  test(
    `${CONTENDERS} contenders × ${ROUNDS}, holders killed: ${what}`,
    async () => {
      const directory = scratch();
      // A home that all of them find without a secret at the same time.
      const home = scratch();
      const seal = makeSeal(directory, home);
      writeFileSync(join(directory, "counter"), "0".padStart(COUNTER_WIDTH, "0"));
      const lock = join(directory, "t:dev:default.lock");
      const running = new Map<number, { name: string; killed: boolean }>();
      const failed: string[] = [];
      let kills = 0;
      let holdersKilled = 0;

      async function contender(name: string, kind: Kind): Promise<void> {
        for (let left = ROUNDS; left > 0; ) {
          const plan: WorkerPlan = { directory, home, name, rounds: left, ...kind };
          const child = Bun.spawn([process.execPath, join(import.meta.dir, "lock.worker.ts"), JSON.stringify(plan)], {
            stdio: ["ignore", "inherit", "inherit"],
          });
          const entry = { name, killed: false };
          running.set(child.pid, entry);
          await child.exited;
          running.delete(child.pid);
          if (child.exitCode === 0) return;
          if (child.signalCode !== "SIGKILL" || !entry.killed) {
            failed.push(`${name} ended with ${child.exitCode ?? child.signalCode}`);
            return;
          }
          left = ROUNDS - readLines(join(directory, `ack.${name}`)).length;
        }
      }

      function kill(pid: number): boolean {
        const entry = running.get(pid);
        if (entry === undefined || entry.killed) return false;
        entry.killed = true;
        process.kill(pid, "SIGKILL");
        kills++;
        return true;
      }

      async function killer(done: { now: boolean }): Promise<void> {
        for (let next = KILL_EVERY; !done.now; ) {
          await Bun.sleep(1 + Math.random() * 3);
          if (counterOf(directory) < next) continue;
          next += KILL_EVERY;
          const holder = readHolder(lock, { seal });
          // Mostly who holds it now; now and then anybody, who may be in the middle of an attempt.
          if (Math.random() < 0.75 && holder.is === "there" && kill(holder.value.holder.pid)) holdersKilled++;
          else kill([...running.keys()][Math.floor(Math.random() * running.size)] ?? -1);
        }
      }

      const began = performance.now();
      const done = { now: false };
      const killing = killer(done);
      try {
        await Promise.all(
          Array.from({ length: CONTENDERS }, (_, at) => contender(`w${at}`, kinds[at % kinds.length] as Kind)),
        );
      } finally {
        done.now = true;
        await killing;
        for (const pid of running.keys()) kill(pid);
        await until("all contenders are gone", () => running.size === 0);
      }
      const seconds = (performance.now() - began) / 1000;

      const notes = readNotes(directory);
      const total = counterOf(directory);
      const { counted } = notes;
      tellNumbers(
        `${what}: ${total} acquisitions in ${seconds.toFixed(1)} s (${Math.round(total / seconds)}/s), ${kills} kills (${holdersKilled} aimed at the holder), ${notes.broke} stale locks broken, ${notes.double.length} double owners, ${counted.length - new Set(counted).size} lost updates`,
      );
      expect({ failed, double: notes.double }).toEqual({ failed: [], double: [] });
      // A value counted twice is an update that was lost.
      expect(counted.length - new Set(counted).size).toBe(0);
      expect(counted.length).toBe(CONTENDERS * ROUNDS);
      // Between the counter and the note a kill may fall, but no more often than there were kills.
      expect(total - counted.length).toBeGreaterThanOrEqual(0);
      expect(total - counted.length).toBeLessThanOrEqual(kills);
      expect(counted.filter((one) => one > total)).toEqual([]);
      expect(kills).toBeGreaterThan(0);
      expect(notes.backends).toEqual(
        new Set(kinds.map(({ backend, deny }) => backend ?? (deny.includes("link") ? "excl" : "link"))),
      );
      // What is left: at most what a killed last holder left, which the next one breaks; its temporaries no more than
      // there were kills.
      expect(readdirSync(directory).filter((name) => name.endsWith(".tmp")).length).toBeLessThanOrEqual(kills);
      const left = readHolder(lock, { seal });
      if (left.is === "there") expect(makeProcessTable().entry(left.value.holder.pid)).toBeNull();
    },
    LIMIT_MS,
  );
}
