/** The list of processes on Linux: what a second look reads again, and what it must not overlook. */
import { describe, expect, test } from "bun:test";
import { startOf } from "../../../src/sys/process/identity.ts";
import { makeIsNew, makeList } from "../../../src/sys/process/list.linux.ts";
import { readEntry } from "../../../src/sys/process/proc.linux.ts";

const LINUX = process.platform === "linux";

describe("which pids may have been given away between two looks", () => {
  const at = (last: number, made: number) => ({ last, made });
  const given = (before: ReturnType<typeof at> | null, now: ReturnType<typeof at> | null) =>
    makeIsNew({ before, now, most: 1000 });

  test("those after the last one then, up to the last one now", () => {
    const isNew = given(at(100, 5000), at(103, 5003));
    expect([99, 100, 101, 103, 104].map(isNew)).toEqual([false, false, true, true, false]);
  });
  test("round the end of the circle", () => {
    const isNew = given(at(998, 5000), at(2, 5005));
    expect([998, 999, 1, 2, 3, 500].map(isNew)).toEqual([false, true, true, true, false, false]);
  });
  test("none where no pid was given away", () => {
    expect([1, 100, 101].map(given(at(100, 5000), at(100, 5000)))).toEqual([false, false, false]);
  });
  test("any, after more than half a circle, at the first look, and where the kernel does not tell", () => {
    expect([1, 100].map(given(at(100, 5000), at(103, 5501)))).toEqual([true, true]);
    expect([1, 100].map(given(null, at(103, 5003)))).toEqual([true, true]);
    expect([1, 100].map(given(at(100, 5000), null))).toEqual([true, true]);
  });
});

describe.if(LINUX)("a list of this machine", () => {
  const sleeping = () => Bun.spawn(["sleep", "1000"], { stdio: ["ignore", "ignore", "ignore"] });

  test("a second look reads no process again that is too old, and sees every new one", async () => {
    const read: number[] = [];
    const list = makeList((pid) => {
      read.push(pid);
      return readEntry(pid);
    });
    const self = readEntry(process.pid);
    if (self === null) throw new Error("this process is not there");
    const since = startOf(self) + 1;
    list(since);
    const first = read.splice(0);
    expect(first).toContain(process.pid);
    const child = sleeping();
    try {
      const pids = list(since).map(({ pid }) => pid);
      expect(pids).toContain(child.pid);
      expect(read).not.toContain(1);
      expect(read.length).toBeLessThan(first.length);
    } finally {
      child.kill("SIGKILL");
      await child.exited;
    }
  });

  test("without a time everything is listed, also after looks with one", () => {
    const list = makeList(readEntry);
    list(Number.MAX_SAFE_INTEGER);
    expect(list(Number.MAX_SAFE_INTEGER)).toEqual([]);
    expect(list().map(({ pid }) => pid)).toContain(process.pid);
  });

  test("a process that is young enough is read at each look, as its state may change", async () => {
    const child = sleeping();
    try {
      const list = makeList(readEntry);
      const since = startOf(readEntry(child.pid) as NonNullable<ReturnType<typeof readEntry>>);
      const stateOf = () => list(since).find(({ pid }) => pid === child.pid)?.state;
      expect(stateOf()).toBeDefined();
      child.kill("SIGSTOP");
      while (readEntry(child.pid)?.state !== "T") await Bun.sleep(1);
      expect(stateOf()).toBe("T");
    } finally {
      child.kill("SIGKILL");
      await child.exited;
    }
  });
});
