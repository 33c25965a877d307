/**
 * One contender for a lock: takes it so many times, and each time adds one to a counter that is read, changed and
 * written under it. It may be killed at any instant. Plan on the command line as JSON; its own notes go to
 * `<directory>/ack.<name>`.
 */
import { closeSync, existsSync, openSync, readlinkSync, readSync, symlinkSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { type DtError, errnoOf } from "../../../src/sys/base/error.ts";
import { libc } from "../../../src/sys/ffi/libc.ts";
import { acquireLock, type LockBackend } from "../../../src/sys/lock/lock.ts";
import { identifySelf, presenceOf } from "../../../src/sys/process/identity.ts";
import { makeProcessTable } from "../../../src/sys/process/table.ts";
import { makeSeal } from "../../../src/sys/seal/seal.ts";
import { type Denied, denyCalls } from "../deny.ts";

export interface WorkerPlan {
  directory: string;
  /** DIALTONE_HOME. */
  home: string;
  name: string;
  rounds: number;
  backend: LockBackend | null;
  deny: Denied[];
  timeoutMs?: number;
  /** Begins when this file is there, so that many begin at once. */
  gate?: string;
}

/** The counter's width in the file: one small write at offset 0, which a SIGKILL cannot cut. */
export const COUNTER_WIDTH = 12;

const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9;

if (import.meta.main) await contend(JSON.parse(process.argv[2] as string) as WorkerPlan);

async function contend({ directory, home, name, rounds, backend, deny, timeoutMs, gate }: WorkerPlan): Promise<void> {
  if (process.platform === "linux") libc().prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); // none outlives its test
  denyCalls(deny);
  const table = makeProcessTable();
  const path = join(directory, "t:dev:default.lock");
  const seal = makeSeal(directory, home);
  const notes = openSync(join(directory, `ack.${name}`), "a");
  while (gate !== undefined && !existsSync(gate)) Bun.sleepSync(1);
  for (let round = 0; round < rounds; round++) {
    const lock = await acquireLock({
      path,
      seal,
      table,
      doing: "count",
      command: `worker ${name}`,
      timeoutMs: timeoutMs ?? 120_000,
      backend: backend ?? undefined,
    }).catch((error: DtError) => {
      writeSync(notes, `REFUSED ${error.details?.reason}\n`);
      process.exit(error.status);
    });
    enter(directory, table, notes);
    const counted = addOne(join(directory, "counter"));
    writeSync(notes, `${counted} ${lock.holder.backend} ${lock.broke === null ? 0 : 1}\n`);
    unlinkSync(join(directory, "witness"));
    lock.release();
  }
  closeSync(notes);
}

/**
 * The witness is made exclusively and says whose it is in the same instant, so that one left by a killed owner differs
 * from another owner's.
 */
function enter(directory: string, table: ReturnType<typeof makeProcessTable>, notes: number): void {
  const witness = join(directory, "witness");
  for (;;) {
    try {
      symlinkSync(JSON.stringify(identifySelf(table)), witness);
      return;
    } catch (error) {
      if (errnoOf(error) !== "EEXIST") throw error;
      const other = readlinkSync(witness);
      if (presenceOf(table, JSON.parse(other)) !== "gone") {
        writeSync(notes, `DOUBLE ${other}\n`);
        process.exit(3);
      }
      unlinkSync(witness);
    }
  }
}

function addOne(path: string): number {
  const fd = openSync(path, "r+");
  const text = Buffer.alloc(COUNTER_WIDTH);
  readSync(fd, text, 0, COUNTER_WIDTH, 0);
  const next = Number(text.toString()) + 1;
  writeSync(fd, String(next).padStart(COUNTER_WIDTH, "0"), 0);
  closeSync(fd);
  return next;
}
