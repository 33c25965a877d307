/** Searches that are asked for at once share one look, made after all of them were asked for. */
import { expect, test } from "bun:test";
import { makeTreeQuery } from "../../../src/supervisor/tree/query.ts";
import { searchTree } from "../../../src/supervisor/tree/search.ts";
import type { ProcessTable } from "../../../src/sys/process/identity.ts";
import { BOOT, type FakeProcess, fakeTable, NAMESPACE } from "../../sys/process/table.fake.ts";

const identity = (pid: number, startTime: string) => ({ pid, startTime, bootId: BOOT, pidNamespace: NAMESPACE });
const queryOf = (pid: number, startTime = "1000") =>
  makeTreeQuery({ key: `t:c${pid}`, root: "/root", token: null, leader: identity(pid, startTime) });

/** Counts the looks at the processes, and notes since when. */
function counted(processes: () => FakeProcess[]): { table: ProcessTable; looks: (number | undefined)[] } {
  const looks: (number | undefined)[] = [];
  const table = {
    ...fakeTable([]),
    entry: (pid: number) => fakeTable(processes()).entry(pid),
    list(since?: number) {
      looks.push(since);
      return fakeTable(processes()).list(since);
    },
  };
  return { table, looks };
}

const pidsOf = (tree: Awaited<ReturnType<typeof searchTree>>) => tree.members.map(({ identity: { pid } }) => pid);

test("searches that are asked for at once look once, as far back as the oldest needs, and each finds its own", async () => {
  const { table, looks } = counted(() => [
    { pid: 100, ppid: 1, startTime: "1000" },
    { pid: 200, ppid: 1, startTime: "2000" },
    { pid: 201, ppid: 200, startTime: "2001" },
  ]);
  const trees = await Promise.all([searchTree(table, queryOf(200, "2000")), searchTree(table, queryOf(100))]);
  expect([trees.map(pidsOf), looks]).toEqual([[[200, 201], [100]], [1000]]);
  await searchTree(table, queryOf(100));
  expect(looks).toHaveLength(2);
});

test("a search without a known start makes all of them look at every process", async () => {
  const { table, looks } = counted(() => []);
  await Promise.all([
    searchTree(table, queryOf(100)),
    searchTree(table, makeTreeQuery({ key: "t:c1", root: "/root", token: "a".repeat(32) })),
  ]);
  expect(looks).toEqual([undefined]);
});

test("a search sees what happened after an earlier one was asked for, and before it was itself", async () => {
  let processes: FakeProcess[] = [{ pid: 100, ppid: 1, startTime: "1000" }];
  const { table } = counted(() => processes);
  const first = searchTree(table, queryOf(100));
  await null;
  processes = [...processes, { pid: 101, ppid: 100, startTime: "1001" }];
  expect([pidsOf(await searchTree(table, queryOf(100))), pidsOf(await first)]).toEqual([
    [100, 101],
    [100, 101],
  ]);
});

test("a search that fails fails alone", async () => {
  const { table } = counted(() => [
    { pid: 100, ppid: 1, startTime: "1000" },
    { pid: 101, ppid: 100, startTime: "1001" },
  ]);
  const otherHosts = () => {
    throw new Error("unreadable");
  };
  const [broken, whole] = await Promise.allSettled([
    searchTree(table, { ...queryOf(100), otherHosts }),
    searchTree(table, queryOf(100)),
  ]);
  expect([broken.status, whole.status]).toEqual(["rejected", "fulfilled"]);
});
