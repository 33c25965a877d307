/**
 * What a lock does on a disk that is full, then read-only; run in a mount namespace of its own, prints what it saw as
 * JSON.
 */
import { closeSync, existsSync, openSync, readdirSync, unlinkSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { DtError } from "../../../src/sys/base/error.ts";
import { acquireLock, type HeldLock, type LockRequest } from "../../../src/sys/lock/lock.ts";
import { identify, type ProcessEntry } from "../../../src/sys/process/identity.ts";
import { makeProcessTable } from "../../../src/sys/process/table.ts";
import { makeSeal } from "../../../src/sys/seal/seal.ts";

const [, , directory, home] = process.argv as [string, string, string, string];
const seal = makeSeal(directory, home);
const table = makeProcessTable();
const path = join(directory, "a:b:c.lock");
const filler = join(directory, "filler");
const seen: Record<string, unknown> = {};

function request(more: Partial<LockRequest>): LockRequest {
  return { path, seal, table, doing: "test", command: "test", timeoutMs: 0, ...more };
}

async function tryLock(more: Partial<LockRequest>): Promise<HeldLock | string> {
  try {
    return await acquireLock(request(more));
  } catch (error) {
    const { code, details } = error as DtError;
    return code === "lock-timeout" ? String(details?.reason) : code;
  }
}

function fill(): void {
  const fd = openSync(filler, "w");
  try {
    for (;;) writeSync(fd, Buffer.alloc(1024));
  } catch {
    closeSync(fd);
  }
}

/** Holds without a file, keeps others out, lets the next one in. */
async function excludes(): Promise<unknown[]> {
  const first = await tryLock({ evenUnwritten: true });
  if (typeof first === "string") return [first];
  const during = [await tryLock({ evenUnwritten: true }), await tryLock({})];
  first.release();
  const after = await tryLock({ evenUnwritten: true });
  if (typeof after !== "string") after.release();
  return ["held", ...during, typeof after === "string" ? after : "held", existsSync(path)];
}

function writeParentsLock(): void {
  const holder = identify(table, table.entry(process.ppid) as ProcessEntry);
  const since = new Date().toISOString();
  const lock = { version: 1, holder, nonce: "n", command: "parent", doing: "start", since, backend: "link" };
  writeFileSync(path, seal.close(path, lock));
}

(await acquireLock(request({}))).release();
fill();
for (const backend of ["link", "excl", undefined] as const) {
  seen[`full ${backend ?? "either"}`] = await tryLock({ backend });
  seen[`full ${backend ?? "either"}, left`] = readdirSync(directory).sort();
}
seen["full, even unwritten"] = await excludes();
unlinkSync(filler);
writeParentsLock();
fill();
seen["full, held by another"] = [await tryLock({ evenUnwritten: true }), await tryLock({})];
Bun.spawnSync(["mount", "-o", "remount,ro", directory]);
seen["read-only, held by another"] = [await tryLock({ evenUnwritten: true }), await tryLock({})];
Bun.spawnSync(["mount", "-o", "remount,rw", directory]);
unlinkSync(path);
Bun.spawnSync(["mount", "-o", "remount,ro", directory]);
seen["read-only, even unwritten"] = await excludes();
seen["read-only"] = await tryLock({});
seen["read-only, no guard yet"] = await tryLock({ path: join(directory, "new.lock"), evenUnwritten: true });
console.log(JSON.stringify(seen));
