/** What the watched files held when they were last worked on: over restarts, and for contents that come back. */
import { expect, test } from "bun:test";
import { appendFileSync, readFileSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openKnown } from "../../src/jobs/snapshot.ts";
import { fillPattern } from "../../src/jobs/target.ts";
import { makeSeal } from "../../src/sys/seal/seal.ts";
import { makeScratch } from "../kit/scratch.ts";

const scratch = makeScratch();

test("the same content is no change, whatever its time; a removal and a return are changes", async () => {
  const base = scratch();
  const file = join(base, "a");
  writeFileSync(file, "one");
  const known = openKnown(join(base, "known.json"), { what: "x", seal: makeSeal(base, join(base, "home")) });
  expect(known.isNew).toBe(true);
  expect([...(await known.changed([file])).keys()]).toEqual([file]);
  known.settle(await known.changed([file]));
  expect([...(await known.changed([file])).keys()]).toEqual([]);
  utimesSync(file, 1, 1);
  writeFileSync(file, "one");
  expect([...(await known.changed([file])).keys()]).toEqual([]);
  // Of the same length, within the same tick of the clock.
  const { mtimeMs } = statSync(file);
  writeFileSync(file, "two");
  utimesSync(file, mtimeMs / 1000, mtimeMs / 1000 + 1);
  expect([...(await known.changed([file])).keys()]).toEqual([file]);
  writeFileSync(file, "one");
  expect([...(await known.changed([file])).keys()]).toEqual([]);
  rmSync(file);
  expect([...(await known.changed([file])).keys()]).toEqual([file]);
  known.settle(await known.changed([file]));
  expect([...(await known.changed([file])).keys()]).toEqual([]);
  writeFileSync(file, "one");
  expect([...(await known.changed([file, join(base, "never")])).keys()]).toEqual([file]);
});

test("a file that changes after it was looked at counts as changed, even when that look is settled later", async () => {
  const base = scratch();
  const file = join(base, "a");
  writeFileSync(file, "one");
  const known = openKnown(join(base, "known.json"), { what: "x", seal: makeSeal(base, join(base, "home")) });
  const looked = await known.changed([file]);
  writeFileSync(file, "another");
  expect([...(await known.changed([file])).keys()]).toEqual([file]);
  known.settle(looked);
  expect([...(await known.changed([file])).keys()]).toEqual([file]);
});

test("a file removed while it is worked on counts as changed, even if it was unknown before", async () => {
  const base = scratch();
  const file = join(base, "a");
  const keys = async () => [...(await known.changed([file])).keys()];
  writeFileSync(file, "one");
  const known = openKnown(join(base, "known.json"), { what: "x", seal: makeSeal(base, join(base, "home")) });
  const looked = await known.changed([file]);
  known.begin(looked);
  expect(await keys()).toEqual([]);
  rmSync(file);
  expect(await keys()).toEqual([file]);
  known.settle(looked);
  expect(await keys()).toEqual([file]);
  known.settle(await known.changed([file]));
  writeFileSync(file, "two");
  const again = await known.changed([file]);
  known.begin(again);
  known.drop(again.keys());
  expect(await keys()).toEqual([file]);
});

test("a file whose job began and has not settled is unchanged while it stays the same, and counts for the next try", async () => {
  const base = scratch();
  const file = join(base, "a");
  const keys = async () => [...(await known.changed([file])).keys()];
  writeFileSync(file, "one");
  const known = openKnown(join(base, "known.json"), { what: "x", seal: makeSeal(base, join(base, "home")) });
  known.settle(await known.changed([file]));
  writeFileSync(file, "two");
  known.begin(await known.changed([file]));
  utimesSync(file, 1, 1);
  expect(await keys()).toEqual([]);
  writeFileSync(file, "three");
  expect(await keys()).toEqual([file]);
  writeFileSync(file, "two");
  known.drop([file]);
  const next = await known.changed([file]);
  expect([...next.keys()]).toEqual([file]);
  known.begin(next);
  known.settle(next);
  expect(await keys()).toEqual([]);
});

test("a file that came and went during its job counts as changed, since the job may have seen it", async () => {
  const base = scratch();
  const file = join(base, "a");
  const known = openKnown(join(base, "known.json"), { what: "x", seal: makeSeal(base, join(base, "home")) });
  const keys = async () => [...(await known.changed([file])).keys()];
  writeFileSync(file, "one");
  known.settle(await known.changed([file]));
  rmSync(file);
  const gone = await known.changed([file]);
  known.begin(gone);
  writeFileSync(file, "two");
  expect(await keys()).toEqual([file]);
  known.settle(gone);
  rmSync(file);
  expect(await keys()).toEqual([file]);
  known.settle(await known.changed([file]));
  expect(await keys()).toEqual([]);
});

test("a file whose job was running when the daemon was killed counts as changed, whatever it holds now", async () => {
  const base = scratch();
  const path = join(base, "known.json");
  const [kept, back, gone] = ["kept", "back", "gone"].map((name) => join(base, name)) as [string, string, string];
  for (const file of [kept, back]) writeFileSync(file, "one");
  const known = openKnown(path, { what: "x", seal: makeSeal(base, join(base, "home")) });
  known.settle(await known.changed([kept, back]));
  known.save();
  writeFileSync(back, "two");
  writeFileSync(gone, "one");
  const changes = await known.changed([back, gone]);
  known.begin(changes);
  known.settle(changes); // and killed before it was saved
  writeFileSync(back, "one");
  rmSync(gone);
  const next = openKnown(path, { what: "x", seal: makeSeal(base, join(base, "home")) });
  expect(next.missing(new Set([kept, back]))).toEqual([gone]);
  expect([...(await next.changed([kept, back, gone])).keys()]).toEqual([back, gone]);
  next.settle(await next.changed([kept, back, gone]));
  next.save();
  expect([
    ...(
      await openKnown(path, { what: "x", seal: makeSeal(base, join(base, "home")) }).changed([kept, back, gone])
    ).keys(),
  ]).toEqual([]);
});

test("after a restart settled files are known and unsettled ones changed; other patterns start from nothing", async () => {
  const base = scratch();
  const [a, b, c] = ["a", "b", "c"].map((name) => join(base, name)) as [string, string, string];
  for (const file of [a, b, c]) writeFileSync(file, "x");
  const first = openKnown(join(base, "known.json"), { what: "x", seal: makeSeal(base, join(base, "home")) });
  first.settle(await first.changed([a, b]));
  first.save();
  appendFileSync(a, "y");
  await first.changed([a]); // seen, and its job cut off
  first.save();
  rmSync(b);
  const next = openKnown(join(base, "known.json"), { what: "x", seal: makeSeal(base, join(base, "home")) });
  expect(next.isNew).toBe(false);
  expect(next.missing(new Set([a, c]))).toEqual([b]);
  expect([...(await next.changed([a, b, c])).keys()]).toEqual([a, b, c]);
  expect(openKnown(join(base, "known.json"), { what: "other", seal: makeSeal(base, join(base, "home")) }).isNew).toBe(
    true,
  );
  writeFileSync(join(base, "known.json"), readFileSync(join(base, "known.json"), "utf8").slice(0, 40));
  expect(openKnown(join(base, "known.json"), { what: "x", seal: makeSeal(base, join(base, "home")) }).isNew).toBe(true);
});

test.each([
  ["{stem}", "content/a.b.md", "a.b"],
  ["{dir}", "content/x/a.md", "content/x"],
  ["{dir}/{stem}{ext} of {name}: {path}", "a.md", "./a.md of a.md: a.md"],
  ["all", "x", "all"],
  ["{other}", "x", "{other}"],
  ["{stem}", ".env", ".env"],
])("the target %j of %s", (pattern, path, target) => {
  expect(fillPattern(pattern, path)).toBe(target);
});

test("a large file is read to its end, and an endless file of the kernel as far as its stated size", async () => {
  const base = scratch();
  const [large, endless] = [join(base, "large"), join(base, "endless")];
  const bytes = new Uint8Array(300_000);
  writeFileSync(large, bytes);
  const known = openKnown(join(base, "known.json"), { what: "x", seal: makeSeal(base, join(base, "home")) });
  known.settle(await known.changed([large]));
  utimesSync(large, 1, 1);
  expect([...(await known.changed([large])).keys()]).toEqual([]);
  bytes[bytes.length - 1] = 1;
  writeFileSync(large, bytes);
  expect([...(await known.changed([large])).keys()]).toEqual([large]);
  if (process.platform !== "linux") return;
  symlinkSync("/proc/self/pagemap", endless);
  expect([...(await known.changed([endless])).keys()]).toEqual([endless]);
});
