/** Sentences for facts that a test of the binary would wait minutes for. */
import { expect, test } from "bun:test";
import { explainKey, isKnown } from "../../../src/inspect/why/explain.ts";
import type { KeyFacts } from "../../../src/inspect/why/facts.ts";
import { meaningOf } from "../../../src/inspect/why/meaning.ts";
import { policyOf } from "../../../src/manifest/resolve/supervised.ts";
import type { ExitRecord } from "../../../src/state/types.ts";

const NOW = Date.parse("2026-05-04T10:00:00.000Z");
const ago = (ms: number) => new Date(NOW - ms).toISOString();

const EXIT: ExitRecord = {
  version: 1,
  key: "a:b:default",
  token: "t",
  code: 1,
  signal: null,
  at: ago(60_000),
  startedAt: ago(61_000),
  uptimeMs: 1000,
  restarts: 10,
  reason: "failed",
  text: "failed with code 1 after 1.0s",
  by: null,
  argv: ["x"],
  cwd: "/",
  log: "/x.log",
  lastLines: [],
};

function factsOf(more: Partial<KeyFacts>): KeyFacts {
  return {
    key: "a:b:default",
    now: NOW,
    state: null,
    pid: null,
    record: null,
    history: null,
    exit: null,
    want: null,
    unreadable: [],
    leader: "gone",
    host: "gone",
    earlierBoot: false,
    lock: null,
    drift: null,
    declared: { is: "managed", restart: policyOf("always") },
    log: { path: "/x.log", is: "there", freeBytes: 1e9, lines: [] },
    ...more,
  };
}

test("why explains a policy that has given up", () => {
  expect(explainKey(factsOf({ state: "failed", exit: { ...EXIT, gaveUpAfter: 10, gaveUpWithinMs: 600_000 } }))).toEqual(
    [
      "a:b:default is not running: it failed with code 1 after 1.0s, 1m ago (2026-05-04T09:59:00.000Z). It had been restarted 10 times.",
      "Its policy has given up after 10 restarts within 10m. `dt a b` tries again.",
    ],
  );
});

test("why explains a plugin that cannot be loaded and a command that is no longer declared", () => {
  expect(explainKey(factsOf({ declared: { is: "failed", message: "a.ts:1: no." } }))).toEqual([
    "a:b:default cannot be started: its plugin could not be loaded. a.ts:1: no.",
  ]);
  expect(explainKey(factsOf({ state: "failed", exit: EXIT, declared: { is: "absent" } })).at(-1)).toBe(
    "No manifest declares this command any longer.",
  );
});

test("why knows a key that left a trace or is declared", () => {
  expect(isKnown(factsOf({ declared: { is: "absent" } }))).toBe(false);
  expect(isKnown(factsOf({ declared: { is: "unknown" } }))).toBe(false);
  expect(isKnown(factsOf({ declared: { is: "oneshot", log: null } }))).toBe(true);
  expect(isKnown(factsOf({ declared: { is: "absent" }, state: "failed", exit: EXIT }))).toBe(true);
});

test("why explains codes and signals", () => {
  expect(meaningOf({ code: 1, signal: null })).toBeNull();
  expect(meaningOf({ code: 0, signal: null })).toBeNull();
  expect(meaningOf({ code: 255, signal: null })).toBeNull();
  expect(meaningOf({ code: 126, signal: null })).toContain("cannot be executed");
  expect(meaningOf({ code: 143, signal: null })).toContain("SIGTERM ended a program");
  expect(meaningOf({ code: null, signal: "SIGSEGV" })).toContain("crashed");
  expect(meaningOf({ code: null, signal: "SIGUSR1" })).toBeNull();
});
