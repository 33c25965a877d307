/** What is left over of a root that is gone, and what cannot be called left over. */
import { expect, test } from "bun:test";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findStrays } from "../../../src/supervisor/tree/stray.ts";
import { type Carriers, makeWhereabouts } from "../../../src/supervisor/tree/whereabouts.ts";
import { makeScratch } from "../../kit/scratch.ts";
import { type FakeProcess, fakeTable } from "../../sys/process/table.fake.ts";

const scratch = makeScratch();

function straysAmong(processes: readonly FakeProcess[]): number[] {
  const where = makeWhereabouts({ table: fakeTable(processes), home: null, env: {} });
  return findStrays(where).flatMap(({ pids }: Carriers) => pids);
}

const launchIn = (pid: number, root: string): FakeProcess => ({
  pid,
  env: { DIALTONE_ROOT: root, DIALTONE_KEY: "a:b:c", DIALTONE_TOKEN: `t${pid}` },
});

test("a missing root, or a file in its place, is gone; a root that cannot be looked at is not", () => {
  const base = scratch();
  mkdirSync(join(base, "there"));
  writeFileSync(join(base, "file"), "");
  symlinkSync("loop", join(base, "loop"));
  const launches = ["there", "absent", "file", "file/below", "loop", "loop/below"].map((name, at) =>
    launchIn(100 + at, join(base, name)),
  );
  expect(straysAmong(launches)).toEqual([101, 102, 103]);
});

test("processes of another user or a container are not left over here", () => {
  const absent = join(scratch(), "absent");
  expect(straysAmong([launchIn(100, absent), { ...launchIn(101, absent), isOthers: true }])).toEqual([100]);
});
