/** Who a process is: a table of judgements, over a made-up process table. */
import { describe, expect, test } from "bun:test";
import {
  identifySelf,
  isOver,
  type Presence,
  type ProcessIdentity,
  presenceOf,
  sameIdentity,
  snapshotOf,
} from "../../../src/sys/process/identity.ts";
import { makeProcessTable } from "../../../src/sys/process/table.ts";
import { fakeTable } from "./table.fake.ts";

describe("presenceOf", () => {
  const table = fakeTable([
    { pid: 10, startTime: "500" },
    { pid: 11, startTime: "500", state: "Z" },
    { pid: 12, startTime: "500", state: "X" },
    { pid: 13, startTime: "500", state: "T" },
    { pid: 14, startTime: "500", state: "D" },
  ]);
  const here = { startTime: "500", bootId: table.bootId(), pidNamespace: table.pidNamespace() };
  const cases: [what: string, identity: ProcessIdentity, presence: Presence][] = [
    ["this very process", { ...here, pid: 10 }, "alive"],
    ["stopped is alive", { ...here, pid: 13 }, "alive"],
    ["waiting for a disk is alive", { ...here, pid: 14 }, "alive"],
    ["another start time: reused", { ...here, pid: 10, startTime: "501" }, "gone"],
    ["a zombie has ended", { ...here, pid: 11 }, "gone"],
    ["dead", { ...here, pid: 12 }, "gone"],
    ["no such pid", { ...here, pid: 99 }, "gone"],
    ["another boot", { ...here, pid: 10, bootId: "earlier" }, "gone"],
    ["another namespace", { ...here, pid: 10, pidNamespace: "pid:[other]" }, "unknown"],
    ["another namespace, no such pid", { ...here, pid: 99, pidNamespace: "pid:[other]" }, "unknown"],
    [
      "another boot and another namespace: gone all the same",
      { ...here, pid: 10, bootId: "earlier", pidNamespace: "pid:[other]" },
      "gone",
    ],
  ];
  for (const [what, identity, presence] of cases) {
    test(`${what}: ${presence}`, () => {
      expect(presenceOf(table, identity)).toBe(presence);
    });
  }
});

test("identities are the same only when all four parts are", () => {
  const one: ProcessIdentity = { pid: 1, startTime: "2", bootId: "3", pidNamespace: "4" };
  expect(sameIdentity(one, { ...one })).toBe(true);
  for (const part of ["pid", "startTime", "bootId", "pidNamespace"] as const) {
    expect(sameIdentity(one, { ...one, [part]: part === "pid" ? 9 : "9" })).toBe(false);
  }
});

test("only zombies and dead processes are over", () => {
  const entry = fakeTable([]).entry(process.pid);
  const over = [..."RSDTtWXZIP"].filter((state) => isOver({ ...(entry as NonNullable<typeof entry>), state }));
  expect(over).toEqual(["X", "Z"]);
});

test("this process sees itself alive, and reports a missing /proc", () => {
  const table = makeProcessTable();
  expect(presenceOf(table, identifySelf(table))).toBe("alive");
  expect(() => identifySelf(fakeTable([], { pid: 1 }))).toThrow("is /proc mounted?");
});

test("a snapshot looks at each process once", () => {
  const table = fakeTable([{ pid: 10, env: { A: "1" } }]);
  const snapshot = snapshotOf(table);
  expect([snapshot.list().length, snapshot.environmentOf(10, "A"), snapshot.environmentOf(10, "B")]).toEqual([
    2,
    "1",
    null,
  ]);
  table.processes.delete(10);
  expect([snapshot.list().length, snapshot.environmentOf(10, "A"), snapshot.environmentOf(10, "B")]).toEqual([
    2,
    "1",
    null,
  ]);
  expect([table.list().length, table.environmentOf(10, "A")]).toEqual([1, null]);
});
