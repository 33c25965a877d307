import { describe, expect, test } from "bun:test";
import { parseDuration } from "../../src/values/duration.ts";
import { parseSize } from "../../src/values/size.ts";

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
    ["3d", 259_200_000],
    ["1m30s", 90_000],
    ["1m 30s", 90_000],
    ["2h5m", 7_500_000],
    ["2h 10m", 7_800_000],
    ["1d12h", 129_600_000],
    ["1h1m1s1ms", 3_661_001],
    ["1s500ms", 1500],
    ["90m", 5_400_000],
    ["1.5h30m", 7_200_000],
    ["24d", 2_073_600_000],
  ])("%s is %d ms", (text, ms) => expect(parseDuration(text)).toBe(ms));

  test.each([
    "",
    "10",
    "s",
    "10 s",
    "-1s",
    "25d",
    "24d23h",
    "1s1m",
    "1m1m",
    "1m  30s",
    "1m 30s ",
    " 1m",
    "1m,30s",
    "1m30",
    "1w",
    "5ms1s",
    "10S",
    "1e3s",
    "597h",
    "99999999999h",
    "1s\n",
    "٣s",
    "1_000ms",
    "Infinityms",
  ])("%j is no duration", (text) => expect(parseDuration(text)).toBeNull());
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

  test.each(["", "50", "50mb", "50 MB", "-1MB", "None", "999999999999TB", "MB"])("%j is no size", (text) =>
    expect(parseSize(text)).toBeNull(),
  );
});
