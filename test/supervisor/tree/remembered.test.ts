/** What one search leaves for the next: the lineage for good, a variable for a moment, and nothing of another process. */
import { expect, test } from "bun:test";
import { rememberedIn } from "../../../src/supervisor/tree/remembered.ts";
import { fakeTable } from "../../sys/process/table.fake.ts";

function counting() {
  const asked: string[] = [];
  const table = fakeTable([{ pid: 100, ppid: 1 }], { pid: process.pid, ppid: 1 });
  const counted = {
    ...table,
    lineageOf(pid: number) {
      asked.push(`lineage ${pid}`);
      return 7n;
    },
    environmentOf(pid: number, name: string) {
      asked.push(`${name} ${pid}`);
      return "x";
    },
  };
  const entry = (more: object = {}) =>
    ({ ...counted.entry(100), ...more }) as NonNullable<ReturnType<typeof table.entry>>;
  return { asked, table: counted, entry };
}

test("a second search asks neither for the lineage nor for the variable again", () => {
  const { asked, table, entry } = counting();
  for (let search = 0; search < 2; search++) {
    const one = rememberedIn(table, [entry()]);
    expect([one.lineageOf(100), one.environmentOf(100, "DIALTONE_TOKEN")]).toEqual([7n, "x"]);
  }
  expect(asked).toEqual(["lineage 100", "DIALTONE_TOKEN 100"]);
});

test("after a moment the variable is asked for again, the lineage is not", async () => {
  const { asked, table, entry } = counting();
  const ask = () => {
    const one = rememberedIn(table, [entry()]);
    one.lineageOf(100);
    one.environmentOf(100, "DIALTONE_TOKEN");
  };
  ask();
  const began = performance.now();
  while (performance.now() - began < 110) await Bun.sleep(10);
  ask();
  expect(asked).toEqual(["lineage 100", "DIALTONE_TOKEN 100", "DIALTONE_TOKEN 100"]);
});

test("another process with the same pid, and another program of the same process, are asked themselves", () => {
  const { asked, table, entry } = counting();
  for (const more of [{}, { startTime: "5" }, { comm: "other" }])
    rememberedIn(table, [entry(more)]).environmentOf(100, "DIALTONE_TOKEN");
  expect(asked).toHaveLength(3);
});

test("a process that the search did not find is asked as ever", () => {
  const { asked, table } = counting();
  for (let search = 0; search < 2; search++) rememberedIn(table, []).lineageOf(100);
  expect(asked).toHaveLength(2);
});
