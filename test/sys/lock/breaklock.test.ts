/** Breaking a lock on request: judged again under the guard, whatever was seen before. */
import { beforeEach, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tryFlock } from "../../../src/sys/files/flock.ts";
import { breakStaleLock } from "../../../src/sys/lock/breaklock.ts";
import { acquireLock } from "../../../src/sys/lock/lock.ts";
import { identifySelf } from "../../../src/sys/process/identity.ts";
import { makeProcessTable } from "../../../src/sys/process/table.ts";
import { makeSeal, type Seal } from "../../../src/sys/seal/seal.ts";
import { makeScratch } from "../../kit/scratch.ts";

const table = makeProcessTable();
const scratch = makeScratch();
let directory = "";
let path = "";
let seal: Seal;

beforeEach(() => {
  directory = scratch();
  path = join(directory, "a.lock");
  seal = makeSeal(directory, scratch());
});

function leaveText(text: string): void {
  writeFileSync(path, text);
}

function leave(change: object): void {
  const holder = { ...identifySelf(table), ...change };
  const since = new Date().toISOString();
  leaveText(seal.close(path, { version: 1, holder, nonce: "n", command: "c", doing: "d", since, backend: "link" }));
}

test("a lock that a living process took meanwhile is left, and so is one of another pid namespace", async () => {
  const lock = await acquireLock({ path, seal, table, doing: "test", command: "test", timeoutMs: 0 });
  expect(breakStaleLock(path, { seal, table })).toEqual({ is: "left", reason: "held" });
  expect(existsSync(path)).toBe(true);
  lock.release();
  expect(breakStaleLock(path, { seal, table })).toEqual({ is: "absent" });
  leave({ pidNamespace: "pid:[1]" });
  expect(breakStaleLock(path, { seal, table })).toEqual({ is: "left", reason: "unknown-holder" });
});

test("a lock is broken whose holder is gone, of an earlier boot or reused, and so is an unfinished one", () => {
  for (const change of [{ pid: 2 ** 22 + 1 }, { bootId: "another" }, { startTime: "1" }]) {
    leave(change);
    expect(breakStaleLock(path, { seal, table })).toMatchObject({ is: "broken", holder: { nonce: "n" } });
  }
  leaveText(seal.close(path, { version: 2 }));
  expect(breakStaleLock(path, { seal, table })).toEqual({ is: "left", reason: "unknown-holder" });
  leaveText("");
  expect(breakStaleLock(path, { seal, table })).toEqual({ is: "broken", holder: null });
  expect(readdirSync(directory)).toEqual(["a.guard"]);
});

test("a foreign lock is left where it is, whatever it says", () => {
  const gone = { ...identifySelf(table), startTime: "1" };
  const lock = { version: 1, holder: gone, nonce: "n", command: "c", doing: "d", since: "", backend: "link" };
  for (const text of [JSON.stringify(lock), "{}", "null", makeSeal(directory, scratch()).close(path, lock)]) {
    leaveText(text);
    expect(breakStaleLock(path, { seal, table })).toEqual({ is: "left", reason: "unknown-holder" });
    expect(readFileSync(path, "utf8")).toBe(text);
  }
});

test("no lock is broken while another process holds the guard", () => {
  leave({ startTime: "1" });
  const guard = tryFlock(join(directory, "a.guard"));
  expect(breakStaleLock(path, { seal, table })).toEqual({ is: "left", reason: "guard-busy" });
  if (guard.is === "held") guard.lock.release();
  expect(existsSync(path)).toBe(true);
});
