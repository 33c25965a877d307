/** Breaking a lock on request: judged again under the guard, whatever was seen before. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { breakStaleLock } from "../../src/sys/breaklock.ts";
import { tryFlock } from "../../src/sys/flock.ts";
import { identifySelf } from "../../src/sys/identity.ts";
import { acquireLock } from "../../src/sys/lock.ts";
import { makeProcessTable } from "../../src/sys/process.ts";

const table = makeProcessTable();
let directory = "";
let path = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "dt-lock-"));
  path = join(directory, "a.lock");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function leave(change: object): void {
  const holder = { ...identifySelf(table), ...change };
  const since = new Date().toISOString();
  writeFileSync(
    path,
    JSON.stringify({ version: 1, holder, nonce: "n", command: "c", doing: "d", since, backend: "link" }),
  );
}

test("a lock that somebody alive took meanwhile is left, and so is one of another pid namespace", async () => {
  const lock = await acquireLock({ path, table, doing: "test", command: "test", timeoutMs: 0 });
  expect(breakStaleLock(path, table)).toEqual({ is: "left", reason: "held" });
  expect(existsSync(path)).toBe(true);
  lock.release();
  expect(breakStaleLock(path, table)).toEqual({ is: "absent" });
  leave({ pidNamespace: "pid:[1]" });
  expect(breakStaleLock(path, table)).toEqual({ is: "left", reason: "unknown-holder" });
});

test("one whose holder is gone, of an earlier boot, reused, or unfinished, is broken", () => {
  for (const change of [{ pid: 2 ** 22 + 1 }, { bootId: "another" }, { startTime: "1" }]) {
    leave(change);
    expect(breakStaleLock(path, table)).toMatchObject({ is: "broken", holder: { nonce: "n" } });
  }
  writeFileSync(path, JSON.stringify({ version: 2 }));
  expect(breakStaleLock(path, table)).toEqual({ is: "left", reason: "unknown-holder" });
  writeFileSync(path, "");
  expect(breakStaleLock(path, table)).toEqual({ is: "broken", holder: null });
  expect(readdirSync(directory)).toEqual(["a.guard"]);
});

test("nothing is broken while somebody is at the guard", () => {
  leave({ startTime: "1" });
  const guard = tryFlock(join(directory, "a.guard"));
  expect(breakStaleLock(path, table)).toEqual({ is: "left", reason: "guard-busy" });
  if (guard.is === "held") guard.lock.release();
  expect(existsSync(path)).toBe(true);
});
