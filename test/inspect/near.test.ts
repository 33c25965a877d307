/** Which processes a look asks for ports, with made-up tables: what a test of the binary could not count. */
import { expect, test } from "bun:test";
import { findNear } from "../../src/inspect/near.ts";
import type { Store } from "../../src/state/store.ts";
import type { LaunchRecord } from "../../src/state/types.ts";
import type { Forest, ProcessTable } from "../../src/sys/process/identity.ts";
import { type FakeProcess, type FakeTable, fakeTable } from "../sys/process/table.fake.ts";

const token = (digit: string) => digit.repeat(32);
const HOST = 10;

/** Counts what is asked, and walks the forest as the kernel would. */
function counting(processes: FakeProcess[]): { table: FakeTable; asked: Set<number>; whole: () => number } {
  const fake = fakeTable(processes);
  const asked = new Set<number>();
  let whole = 0;
  fake.onEntry = (pid) => asked.add(pid);
  const childrenOf = (parent: number) =>
    [...fake.processes.values()].flatMap((one) => ((one.ppid ?? 1) === parent ? [one.pid] : []));
  const forestOf = ({ roots, hosts }: Forest) => {
    const found = new Set([...roots, ...[...hosts].flatMap(childrenOf)]);
    for (const pid of found) for (const child of childrenOf(pid)) found.add(child);
    return [...found];
  };
  const list: ProcessTable["list"] = () => {
    whole++;
    return fake.list();
  };
  return {
    table: { ...fake, list, pids: () => list().map(({ pid }) => pid), childrenOf, forestOf },
    asked,
    whole: () => whole,
  };
}

const STORE = { history: () => ({ is: "absent" }) } as unknown as Store;

function recordOf(table: FakeTable, { key, pid, digit }: { key: string; pid: number; digit: string }): LaunchRecord {
  const made: Partial<LaunchRecord> = {
    key,
    token: token(digit),
    host: table.identity(HOST),
    leader: table.identity(pid),
    shared: true,
    lineage: true,
  };
  return made as LaunchRecord;
}

const STRANGERS = Array.from({ length: 1000 }, (_, at): FakeProcess => ({ pid: 5000 + at }));

test("while the host lives, only what is below it is near, and no stranger is looked at", () => {
  const { table, asked, whole } = counting([
    { pid: HOST },
    { pid: 11, ppid: HOST },
    { pid: 12, ppid: 11 },
    { pid: 13, ppid: HOST, lineage: token("a") },
    ...STRANGERS,
  ]);
  const { pids } = findNear(
    { table, store: STORE },
    {
      records: [recordOf(table, { key: "a:a:default", pid: 11, digit: "a" })],
      isAll: true,
    },
  );
  expect([...pids].sort((a, b) => a - b)).toEqual([11, 12, 13]);
  expect(whole()).toBe(0);
  expect([...asked].filter((pid) => pid >= 5000)).toEqual([]);
});

test("once the host is gone, orphans with what they inherited are near, and their fellows are not", () => {
  const { table, whole } = counting([
    { pid: 11, ppid: 1, startTime: "2000" },
    { pid: 12, ppid: 1, startTime: "2001", lineage: token("a") },
    { pid: 13, ppid: 1, startTime: "2001", env: { DIALTONE_TOKEN: token("a") } },
    { pid: 14, ppid: 1, startTime: "2001", sid: 11 },
    { pid: 15, ppid: 12, startTime: "2002" },
    { pid: 16, ppid: 1, startTime: "1999", sid: 11 },
    { pid: 17, ppid: 1, startTime: "2001", lineage: token("b") },
    ...STRANGERS,
  ]);
  const { pids } = findNear(
    { table, store: STORE },
    {
      records: [recordOf(table, { key: "a:a:default", pid: 11, digit: "a" })],
      isAll: true,
    },
  );
  expect([...pids].sort((a, b) => a - b)).toEqual([11, 12, 13, 14, 15]);
  expect(whole()).toBe(0);
});

test("a process that was given the pid of an ended leader is not near, nor a clue", () => {
  const { table } = counting([{ pid: HOST }, { pid: 11, ppid: HOST }, { pid: 21, ppid: 1, startTime: "3000" }]);
  const reused = recordOf(table, { key: "a:b:default", pid: 21, digit: "b" });
  const records = [
    recordOf(table, { key: "a:a:default", pid: 11, digit: "a" }),
    { ...reused, leader: { ...table.identity(21), startTime: "1000" } },
  ];
  const { pids, clues } = findNear({ table, store: STORE }, { records, isAll: true });
  expect(pids).toEqual([11]);
  expect([...clues().byLeader.keys()]).toEqual([11]);
});

test("of the launches of one host, one alone has near what is its own", () => {
  const { table, asked, whole } = counting([
    { pid: HOST },
    { pid: 11, ppid: HOST, lineage: token("a") },
    { pid: 12, ppid: HOST, lineage: token("b") },
    { pid: 13, ppid: HOST, startTime: "1001", lineage: token("a") },
    { pid: 14, ppid: HOST, startTime: "1001", lineage: token("b") },
    { pid: 15, ppid: HOST, startTime: "1001", env: { DIALTONE_TOKEN: token("a") } },
    ...STRANGERS,
  ]);
  const record = recordOf(table, { key: "a:a:default", pid: 11, digit: "a" });
  const near = (isAll: boolean) =>
    [...findNear({ table, store: STORE }, { records: [record], isAll }).pids].sort((a, b) => a - b);
  expect(near(false)).toEqual([11, 13, 15]);
  expect(near(true)).toEqual([11, 12, 13, 14, 15]);
  expect(whole()).toBe(0);
  expect([...asked].filter((pid) => pid >= 5000)).toEqual([]);
});
