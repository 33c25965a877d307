/** What follows the end of a run, what a host does about each event, and how liveness is counted: pure tables, the clock passed in. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { RestartPolicy } from "../../src/manifest/model/resolved.ts";
import { policyOf } from "../../src/manifest/resolve/supervised.ts";
import {
  AGAIN,
  backoffMs,
  type Decision,
  decideAfterEnd,
  judgeEnd,
  type RunEnd,
} from "../../src/supervisor/host/policy.ts";
import { NO_STREAK } from "../../src/supervisor/launch/streak.ts";
import { askAlive, type Counted, countTry } from "../../src/supervisor/probe/alive.ts";
import { type Act, actOn, type RunEvent, type RunState } from "../../src/supervisor/run/events.ts";

describe("after the end of a run", () => {
  const END: Decision = { is: "end" };
  const usual = { uptimeMs: 5, streak: NO_STREAK, now: 1_000_000 };
  const again = (afterMs: number, inRow: number, at: number[] = []): Decision => ({
    is: "restart",
    afterMs,
    streak: { inRow, at: [...at, usual.now] },
  });
  const many = Array.from({ length: 10 }, (_, index) => usual.now - 1 - index);
  type Case = [
    what: string,
    policy: Parameters<typeof policyOf>[0],
    end: RunEnd,
    more: Partial<typeof usual>,
    decision: Decision,
  ];
  const cases: Case[] = [
    ["no: success", "no", "succeeded", {}, END],
    ["no: failure", "no", "failed", {}, END],
    ["no: not alive", "no", "not-alive", {}, again(1000, 1)],
    ["on-failure: success", "on-failure", "succeeded", {}, END],
    ["on-failure: failure", "on-failure", "failed", {}, again(1000, 1)],
    ["on-failure: not alive", "on-failure", "not-alive", {}, again(1000, 1)],
    ["always: success", "always", "succeeded", {}, again(1000, 1)],
    ["always: failure", "always", "failed", {}, again(1000, 1)],
    ["always: not alive", "always", "not-alive", {}, again(1000, 1)],
    ["the second in a row", "always", "failed", { streak: { inRow: 1, at: [999_999] } }, again(2000, 2, [999_999])],
    ["the fifth", "always", "failed", { streak: { inRow: 4, at: [] } }, again(16_000, 5)],
    ["never slower than the cap", "always", "failed", { streak: { inRow: 9, at: [] } }, again(30_000, 10)],
    ["a cap of its own", { maxDelay: "3s" }, "failed", { streak: { inRow: 4, at: [] } }, again(3000, 5)],
    [
      "as often as it may: enough",
      "always",
      "failed",
      { streak: { inRow: 10, at: many } },
      { is: "give-up", restarts: 10, windowMs: 600_000 },
    ],
    [
      "not alive is under the same limit",
      { limit: { count: 2, window: "1s" } },
      "not-alive",
      { streak: { inRow: 2, at: [999_001, 999_500] } },
      { is: "give-up", restarts: 2, windowMs: 1000 },
    ],
    [
      "what is older than the window does not count, and is forgotten",
      { limit: { count: 2, window: "1s" } },
      "failed",
      { streak: { inRow: 2, at: [999_000, 999_500] } },
      again(4000, 3, [999_500]),
    ],
    ["no limit", { limit: "none" }, "failed", { streak: { inRow: 99, at: many } }, again(30_000, 100)],
    [
      "a run that lasted begins the row anew",
      "always",
      "failed",
      { uptimeMs: 60_000, streak: { inRow: 7, at: [] } },
      again(1000, 1),
    ],
    [
      "one a little shorter does not",
      "always",
      "failed",
      { uptimeMs: 59_999, streak: { inRow: 2, at: [] } },
      again(4000, 3),
    ],
    ["a time of its own", { resetAfter: "5ms" }, "failed", { streak: { inRow: 7, at: [] } }, again(1000, 1)],
    ["a delay of its own", { delay: "100ms" }, "failed", { streak: { inRow: 3, at: [] } }, again(800, 4)],
  ];
  for (const [what, policy, end, more, decision] of cases) {
    test(what, () => expect(decideAfterEnd(policyOf(policy), { ...usual, end, ...more }, 0)).toEqual(decision));
  }

  test("each policy says of each end whether it goes on", () => {
    const rows = Object.entries(AGAIN).flatMap(([policy, ends]) =>
      Object.entries(ends).map(([end, again]) => `${policy} ${end} ${again}`),
    );
    expect(rows).toHaveLength(9);
    for (const [what, , , , decision] of cases.slice(0, 9)) {
      const [policy, end] = what.split(": ");
      const name = { success: "succeeded", failure: "failed", "not alive": "not-alive" }[end as string];
      expect(rows).toContain(`${policy} ${name} ${decision.is === "restart"}`);
    }
  });

  test("success is what the manifest says; a signal and what nobody saw is none", () => {
    const policy = policyOf({ successCodes: [0, 143] });
    expect([0, 143, 1, null].map((code) => judgeEnd(policy, code))).toEqual([
      "succeeded",
      "succeeded",
      "failed",
      "failed",
    ]);
    expect(judgeEnd(policyOf({ successCodes: [3] }), 0)).toBe("failed");
  });

  const anyPolicy: fc.Arbitrary<RestartPolicy> = fc
    .record({
      delayMs: fc.integer({ min: 100, max: 1_000_000 }),
      more: fc.nat(1_000_000),
      jitter: fc.double({ min: 0, max: 1, noNaN: true }),
      resetAfterMs: fc.nat(1_000_000),
      limit: fc.option(fc.record({ count: fc.integer({ min: 1, max: 50 }), windowMs: fc.nat(1_000_000) })),
    })
    .map(({ more, ...policy }) => ({
      ...policy,
      policy: "always" as const,
      successCodes: [0],
      maxDelayMs: policy.delayMs + more,
    }));
  const random = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });

  test("property: never below the delay nor above the cap, and monotone before jitter", () => {
    fc.assert(
      fc.property(anyPolicy, fc.nat(5000), fc.nat(2_000_000), random, (policy, inRow, uptimeMs, chance) => {
        const run = { end: "failed" as const, uptimeMs, streak: { inRow, at: [] }, now: 0 };
        const decision = decideAfterEnd(policy, run, chance);
        if (decision.is !== "restart") return false;
        const { afterMs } = decision;
        return (
          afterMs >= policy.delayMs &&
          afterMs <= policy.maxDelayMs &&
          backoffMs(policy, inRow) <= backoffMs(policy, inRow + 1) &&
          afterMs >= Math.round(backoffMs(policy, decision.streak.inRow - 1))
        );
      }),
    );
  });

  test("property: crashes at any pace are never restarted more often than the limit within its window", () => {
    fc.assert(
      fc.property(anyPolicy, fc.array(fc.nat(100_000), { maxLength: 200 }), random, (policy, gaps, chance) => {
        const { limit } = policy;
        let [streak, now] = [NO_STREAK, 0];
        const starts: number[] = [];
        for (const gap of gaps) {
          now += gap;
          const decision = decideAfterEnd(policy, { end: "failed", uptimeMs: gap, streak, now }, chance);
          if (decision.is !== "restart") break;
          starts.push(now);
          ({ streak } = decision);
        }
        if (limit === null) return starts.length === gaps.length;
        return starts.every(
          (at) => starts.filter((one) => one <= at && at - one < limit.windowMs).length <= limit.count,
        );
      }),
    );
  });
});

describe("what a host does about an event", () => {
  const EVENTS: RunEvent[] = [
    "ready",
    "late",
    "sick",
    "well",
    "stuck",
    "ended",
    "due",
    "changed",
    "restart",
    "stop",
    "taken",
  ];
  const rows: Record<RunState, Act[]> = {
    starting: [
      "show-ready",
      "show-unhealthy",
      "ignore",
      "ignore",
      "ignore",
      "settle",
      "ignore",
      "replace",
      "replace",
      "end",
      "leave",
    ],
    up: [
      "ignore",
      "ignore",
      "show-unhealthy",
      "ignore",
      "recycle",
      "settle",
      "ignore",
      "replace",
      "replace",
      "end",
      "leave",
    ],
    unhealthy: [
      "show-ready",
      "ignore",
      "ignore",
      "show-ready",
      "recycle",
      "settle",
      "ignore",
      "replace",
      "replace",
      "end",
      "leave",
    ],
    backoff: ["ignore", "ignore", "ignore", "ignore", "ignore", "ignore", "start", "start", "start", "forget", "leave"],
  };
  for (const [state, acts] of Object.entries(rows))
    for (const [index, event] of EVENTS.entries())
      test(`${state}, ${event}: ${acts[index]}`, () =>
        expect(actOn(state as RunState, event)).toBe(acts[index] as Act));
});

describe("liveness", () => {
  const may = { failures: 3, inStartPeriod: false };
  const seen = (failed: number, sick = false): Counted => ({ failed, sick });
  const cases: [
    what: string,
    before: Counted,
    why: string | null,
    more: Partial<typeof may>,
    after: ReturnType<typeof countTry>,
  ][] = [
    ["it holds", seen(0), null, {}, { ...seen(0), now: null }],
    ["it holds again in time", seen(2), null, {}, { ...seen(0), now: null }],
    ["it fails", seen(0), "no", {}, { ...seen(1), now: null }],
    ["it fails as often as it may", seen(2), "no", {}, { ...seen(3, true), now: "sick" }],
    ["it goes on failing: told once", seen(3, true), "no", {}, { ...seen(4, true), now: null }],
    ["it holds after that", seen(9, true), null, {}, { ...seen(0), now: "well" }],
    ["once is enough where that is said", seen(0), "no", { failures: 1 }, { ...seen(1, true), now: "sick" }],
    ["a start period forgives", seen(2), "no", { inStartPeriod: true }, { ...seen(0), now: null }],
  ];
  for (const [what, before, why, more, after] of cases)
    test(what, () => expect(countTry(before, why, { ...may, ...more })).toEqual(after));

  /** A run whose clock is the number of milliseconds slept. */
  async function play(
    tries: (string | null)[],
    probe: { startPeriodMs?: number; failures?: number },
    endsWhenSick = false,
  ) {
    let clock = 0;
    const told: string[] = [];
    const left = [...tries];
    await askAlive({
      probe: { intervalMs: 100, startPeriodMs: 0, failures: 2, ...probe },
      attempt: async () => left.shift() ?? null,
      uptimeMs: () => clock,
      sleep: async (ms) => {
        clock += ms;
      },
      over: () => left.length === 0,
      onSick(why) {
        told.push(`${clock} sick: ${why}`);
        return endsWhenSick;
      },
      onWell: () => told.push(`${clock} well`),
    });
    return told;
  }

  test("it is asked at its interval, the first time too; sick, well and sick again are told once each", async () => {
    expect(await play(["a", "b", "c", null, "d", "e", null], {})).toEqual([
      "200 sick: b, 2 times in a row",
      "400 well",
      "600 sick: e, 2 times in a row",
    ]);
  });

  test("once in a row is told so; where it is to end there, it is asked no more", async () => {
    expect(await play(["a", "b", null, "c", null], { failures: 1 }, true)).toEqual(["100 sick: a, once"]);
  });

  test("within the start period nothing is counted", async () => {
    expect(await play(["a", "b", "c", "d", null], { startPeriodMs: 201 })).toEqual(["400 sick: d, 2 times in a row"]);
  });

  test("property: it is sick exactly when the last `failures` tries failed, or since then none held", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean()), fc.integer({ min: 1, max: 5 }), (held, failures) => {
        let before = seen(0);
        let sick = false;
        for (const [index, holds] of held.entries()) {
          const last = held.slice(Math.max(0, index + 1 - failures), index + 1);
          sick = holds ? false : sick || (last.length === failures && !last.includes(true));
          before = countTry(before, holds ? null : "no", { failures, inStartPeriod: false });
          if (before.sick !== sick) return false;
        }
        return true;
      }),
    );
  });
});
