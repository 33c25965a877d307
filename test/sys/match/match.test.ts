/** Which files are meant, where the rules and the names were made to make judging them slow. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { groupFiles, type WatchGroup } from "../../../src/sys/match/groups.ts";
import { makeScratch } from "../../kit/scratch.ts";
import { expectLinear } from "../../linear.ts";

const scratch = makeScratch();

async function matcherOf(paths: string[], rules: string, ignore: string[] = []) {
  const root = scratch();
  writeFileSync(join(root, ".gitignore"), rules);
  const [group] = await groupFiles({ root, patterns: paths, ignore, leaveOut: [], env: {} });
  const { matcher } = group as WatchGroup;
  return {
    means: (path: string) => matcher.means(join(root, path)),
    skips: (path: string) => matcher.skips(join(root, path)),
  };
}

test("a rule with up to three `**` leaves out what git ignores", async () => {
  const { means } = await matcherOf(["**"], "*.tmp\n**/out/**/*.js\n/a/**/b/**/c\n!keep.tmp\n");
  expect(["x.tmp", "d/x.tmp", "out/a/b.js", "p/out/b.js", "a/1/b/2/c"].filter(means)).toEqual([]);
  expect(["x.ts", "keep.tmp", "out/a.ts", "a/1/b/2/d"].filter(means)).toEqual([
    "x.ts",
    "keep.tmp",
    "out/a.ts",
    "a/1/b/2/d",
  ]);
});

test("a rule with more than three `**` is ignored, and a path deeper than a hundred directories is watched", async () => {
  const { means } = await matcherOf(["**"], "/a/**/a/**/a/**/a/**/b\n*.tmp\n", ["/c/**/c/**/c/**/c/**/b"]);
  expect(means("a/a/a/a/b")).toBe(true);
  expect(means("c/c/c/c/b")).toBe(true);
  expect(means(`${"d/".repeat(90)}x.tmp`)).toBe(false);
  expect(means(`${"d/".repeat(110)}x.tmp`)).toBe(true);
});

test("rules and names made against each other cost a bounded time", async () => {
  const rules = ["**/a/**/a/**/a/**/a/**/a/**/b", "**/a/**/a/**/b", "*a*a*a*a*a*b", "a/**/a/**/b"].join("\n");
  const { means, skips } = await matcherOf(["**/a/**/a/**/a/**/b"], rules, rules.split("\n"));
  for (const path of [`${"a/".repeat(1000)}c`, `${"a/".repeat(95)}c`, "a".repeat(255)])
    expectLinear(
      () => "x".repeat(1_000_000),
      () => [means(path), skips(path)],
    );
});

test("a pattern that ends in many slashes is matched in bounded time", async () => {
  for (const size of [1000, 100_000]) {
    const { means } = await matcherOf([`./src${"/".repeat(size)}`, `src${"/".repeat(size)}x`], "");
    expect([means("src/a"), means("b")]).toEqual([true, false]);
  }
});
