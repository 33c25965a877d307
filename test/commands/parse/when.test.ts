/** Points in time as they are typed: local but for a named zone, and nothing that does not exist. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { pointInTime } from "../../../src/commands/parse/when.ts";
import { failure } from "../../kit/failure.ts";

const NOW = Date.UTC(2026, 10, 29, 12, 0, 0);
const zone = process.env.TZ;
const at = (text: string, now = NOW) => new Date(pointInTime("--since", { text, now })).toISOString();

function refusal(text: string, now = NOW): string {
  const { status, sentence } = failure(() => pointInTime("--since", { text, now }));
  expect(status).toBe(2);
  return sentence;
}

afterEach(() => {
  if (zone === undefined) delete process.env.TZ;
  else process.env.TZ = zone;
});

describe("in Berlin", () => {
  beforeEach(() => {
    process.env.TZ = "Europe/Berlin";
  });

  test.each([
    ["2026-11-28", "2026-11-27T23:00:00.000Z"],
    ["2026-11-28T00:00", "2026-11-27T23:00:00.000Z"],
    ["2026-11-28 14:30", "2026-11-28T13:30:00.000Z"],
    ["2026-11-28t14:30:05.5", "2026-11-28T13:30:05.500Z"],
    ["2026-07-01", "2026-06-30T22:00:00.000Z"],
    ["2028-02-29", "2028-02-28T23:00:00.000Z"],
    ["2026-11-28T14:30:05.413Z", "2026-11-28T14:30:05.413Z"],
    ["2026-11-28T14:30+05:30", "2026-11-28T09:00:00.000Z"],
    ["2026-11-28T14:30-0800", "2026-11-28T22:30:00.000Z"],
    ["2026-11-28 14:30 +01", "2026-11-28T13:30:00.000Z"],
    ["14:30", "2026-11-29T13:30:00.000Z"],
    ["9:05:07", "2026-11-29T08:05:07.000Z"],
    ["5m", "2026-11-29T11:55:00.000Z"],
    ["1h30m", "2026-11-29T10:30:00.000Z"],
    ["1m 30s", "2026-11-29T11:58:30.000Z"],
    ["250ms", "2026-11-29T11:59:59.750Z"],
    ["400d", "2025-10-25T12:00:00.000Z"],
    ["2026-03-29T01:59", "2026-03-29T00:59:00.000Z"],
    ["2026-03-29T03:00", "2026-03-29T01:00:00.000Z"],
  ])("%s", (text, time) => expect(at(text)).toBe(time));

  test.each([
    ["2026-02-30", "there is no such day"],
    ["2026-02-29T10:00", "there is no such day"],
    ["2026-04-31T10:00Z", "there is no such day"],
    ["2026-13-01", "there is no such day"],
    ["2026-00-10", "there is no such day"],
    ["2026-11-00", "there is no such day"],
    ["25:00", "a time of day goes from 00:00 to 23:59"],
    ["24:00", "a time of day goes from 00:00 to 23:59"],
    ["14:60", "a time of day goes from 00:00 to 23:59"],
    ["2026-11-28T25:00", "a time of day goes from 00:00 to 23:59"],
    ["2026-11-28T10:00:60", "a time of day goes from 00:00 to 23:59"],
    ["2026-11-28T10:00+15:00", "there is no such time zone"],
    ["2026-03-29T02:30", "the clocks skip it that day"],
  ])("%s does not exist", (text, why) =>
    expect(refusal(text)).toBe(`--since takes a time that exists, not "${text}": ${why}.`),
  );

  test("a time of day that the clocks skip today does not exist", () => {
    expect(refusal("02:30", Date.UTC(2026, 2, 29, 12))).toContain("the clocks skip it today");
  });

  test.each(["", "2026", "2026-11", "2026-1-1", "28.11.2026", "yesterday", "5", "-5m", "14", "2026-11-28T", "1s1m"])(
    "%j is no time",
    (text) => expect(refusal(text)).toContain("--since takes a duration ago"),
  );
});

test("where the clocks go forward at midnight, a day begins at its first moment", () => {
  process.env.TZ = "America/Sao_Paulo";
  expect(at("2018-11-04")).toBe("2018-11-04T03:00:00.000Z");
  expect(refusal("2018-11-04T00:30")).toContain("the clocks skip it that day");
});
