import { describe, expect, test } from "bun:test";
import { parseDuration, parseSize } from "../../src/manifest/units.ts";

describe("durations", () => {
  test.each([
    ["500ms", 500],
    ["10s", 10_000],
    ["2m", 120_000],
    ["1h", 3_600_000],
    ["0s", 0],
    ["1.5s", 1500],
    ["0.5ms", 1],
    ["596h", 2_145_600_000],
  ])("%s is %d ms", (text, ms) => expect(parseDuration(text)).toBe(ms));

  test.each([
    "",
    "10",
    "s",
    "10 s",
    "-1s",
    "1d",
    "10S",
    "1e3s",
    "597h",
    "99999999999h",
    "1s\n",
    "٣s",
    "1_000ms",
    "Infinityms",
  ])("%j is none", (text) => expect(parseDuration(text)).toBeNull());
});

describe("sizes", () => {
  test.each([
    ["512B", 512],
    ["512KB", 524_288],
    ["50MB", 52_428_800],
    ["2GB", 2_147_483_648],
    ["1TB", 1024 ** 4],
    ["1.5KB", 1536],
    ["none", "none"],
  ] as const)("%s", (text, bytes) => expect(parseSize(text)).toBe(bytes));

  test.each(["", "50", "50mb", "50 MB", "-1MB", "None", "999999999999TB", "MB"])("%j is none", (text) =>
    expect(parseSize(text)).toBeNull(),
  );
});
