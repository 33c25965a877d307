/** A record of another pid namespace as it is from here: each row of the table. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { seenFromHere } from "../../src/state/elsewhere.ts";
import type { LaunchRecord } from "../../src/state/types.ts";
import { takeHold } from "../../src/sys/lock/hold.ts";
import { type ProcessIdentity, presenceOf } from "../../src/sys/process/identity.ts";
import { makeScratch } from "../kit/scratch.ts";
import { BOOT, fakeTable, NAMESPACE } from "../sys/process/table.fake.ts";

const scratch = makeScratch();

const TOKEN = "0123456789abcdef0123456789abcdef";
const there = (pid: number): ProcessIdentity => ({ pid, startTime: "1000", bootId: BOOT, pidNamespace: "pid:[there]" });
const RECORD = { token: TOKEN, held: true, host: there(7), leader: there(8) } as LaunchRecord;

const table = fakeTable([{ pid: 507 }, { pid: 508 }]);
const presences = ({ host, leader }: LaunchRecord) =>
  [host, leader].map((one) => presenceOf(table, one as ProcessIdentity));

test("processes of another pid namespace that are visible here are known by their pids here", () => {
  table.locate = (identity) => ({ ...identity, pid: identity.pid + 500, pidNamespace: NAMESPACE });
  const seen = seenFromHere(table, { record: RECORD, fence: "/nowhere" });
  expect([seen.host.pid, seen.leader?.pid]).toEqual([507, 508]);
  expect(presences(seen)).toEqual(["alive", "alive"]);
});

test("processes that are nowhere, while all processes are visible, are gone", () => {
  table.locate = () => null;
  expect(presences(seenFromHere(table, { record: RECORD, fence: "/nowhere" }))).toEqual(["gone", "gone"]);
});

test.skipIf(process.platform !== "linux")(
  "invisible processes are unknown while their host holds its file, and gone afterwards; without a hold they stay unknown",
  () => {
    table.locate = () => undefined;
    const fence = join(scratch(), "fence");
    const hold = takeHold(fence, TOKEN);
    expect(presences(seenFromHere(table, { record: RECORD, fence }))).toEqual(["unknown", "unknown"]);
    hold?.release();
    expect(presences(seenFromHere(table, { record: RECORD, fence }))).toEqual(["gone", "gone"]);
    const { held: _, ...without } = RECORD;
    expect(presences(seenFromHere(table, { record: without, fence }))).toEqual(["unknown", "unknown"]);
    expect(presences(seenFromHere(table, { record: RECORD, fence: `${fence}.none` }))).toEqual(["unknown", "unknown"]);
  },
);
