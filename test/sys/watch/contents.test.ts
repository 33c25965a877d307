/** What watched files hold decides what is a change, from the first look on. */
import { expect, test } from "bun:test";
import { mkdirSync, renameSync, symlinkSync, truncateSync, unlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeContents } from "../../../src/sys/watch/contents.ts";
import { makeScratch } from "../../kit/scratch.ts";

const scratch = makeScratch();
/** Long after whatever a test wrote. */
const LATER = () => Date.now() + 60_000;

/** Files with their content, known. */
async function known(files: Record<string, string>, now = LATER) {
  const base = scratch();
  const at = (name: string) => join(base, name);
  for (const [name, text] of Object.entries(files)) writeFileSync(at(name), text);
  const contents = makeContents(now);
  await contents.learn(Object.keys(files).map(at));
  return {
    at,
    changed: async (...names: string[]) =>
      (await contents.changed(names.map(at))).map(
        ({ path, isNew }) => `${path.slice(base.length + 1)}${isNew ? " new" : ""}`,
      ),
  };
}

test("neither time nor place nor the same bytes are a change; other bytes, a removal and a return are changes", async () => {
  const { at, changed } = await known({ a: "1", b: "2", empty: "" });
  utimesSync(at("a"), 1, 1);
  writeFileSync(at("b.new"), "2");
  renameSync(at("b.new"), at("b"));
  writeFileSync(at("empty"), "");
  expect(await changed("a", "b", "empty", "never")).toEqual([]);
  writeFileSync(at("a"), "3");
  utimesSync(at("a"), 1, 1); // as it was, and of the same size
  writeFileSync(at("c"), "1");
  unlinkSync(at("b"));
  expect(await changed("a", "b", "c")).toEqual(["a", "b", "c new"]);
  expect(await changed("a", "b", "c")).toEqual([]);
  writeFileSync(at("b"), "2");
  expect(await changed("b")).toEqual(["b new"]);
});

test("a file written during its first look counts as changed, whichever content was read", async () => {
  const { at, changed } = await known({ a: "1" }, () => Date.now() - 1000);
  expect(await changed("a")).toEqual(["a"]);
  expect(await changed("a")).toEqual([]);
  unlinkSync(at("a"));
  expect(await changed("a")).toEqual(["a"]);
});

test("a large file is not read ahead of time, and a very large one never", async () => {
  const { at, changed } = await known({ large: "x".repeat(5 * 1024 * 1024), huge: "" });
  expect(await changed("large")).toEqual(["large"]);
  utimesSync(at("large"), 1, 1);
  expect(await changed("large")).toEqual([]);
  truncateSync(at("huge"), 1024 ** 4);
  const before = performance.now();
  expect(await changed("huge")).toEqual(["huge"]);
  utimesSync(at("huge"), 1, 1);
  expect(await changed("huge")).toEqual(["huge"]);
  expect(performance.now() - before).toBeLessThan(2000);
});

test("a link to a file counts by content and any other link by its target; a pipe is not read", async () => {
  const { at, changed } = await known({ a: "1", b: "1", c: "2" });
  mkdirSync(at("d"));
  symlinkSync("a", at("file"));
  symlinkSync("d", at("directory"));
  symlinkSync("nowhere", at("gone"));
  Bun.spawnSync(["mkfifo", at("pipe")]);
  const all = ["file", "directory", "gone", "pipe"];
  expect(await changed(...all)).toEqual(["file new", "directory new", "gone new"]);
  const lead = (link: string, to: string) => {
    symlinkSync(to, at("next"));
    renameSync(at("next"), at(link));
  };
  lead("file", "b");
  lead("directory", "d");
  lead("gone", "nowhere");
  expect(await changed(...all)).toEqual([]);
  lead("file", "c");
  lead("directory", ".");
  lead("gone", "elsewhere");
  expect(await changed(...all)).toEqual(["file", "directory", "gone"]);
});
