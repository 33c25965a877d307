/**
 * What follows the end of a run, what a host shows when probes say something new, and how liveness is counted: no
 * process and no file, the clock passed in.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { RestartPolicy } from "../../../src/manifest/model/resolved.ts";
import { policyOf } from "../../../src/manifest/resolve/supervised.ts";
import {
  AGAIN,
  backoffMs,
  type Decision,
  decideAfterEnd,
  judgeEnd,
  type RunEnd,
} from "../../../src/supervisor/host/policy.ts";
import { NO_STREAK } from "../../../src/supervisor/launch/streak.ts";
import type { LaunchEvent } from "../../../src/supervisor/launch/types.ts";
import { askAlive, type Counted, countAttempt } from "../../../src/supervisor/probe/alive.ts";
import type { Host, HostedRun, RunState } from "../../../src/supervisor/run/types.ts";
import { type HealthEvent, noteHealth } from "../../../src/supervisor/watch/health.ts";

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
    [
      "the second restart in a row waits twice as long",
      "always",
      "failed",
      { streak: { inRow: 1, at: [999_999] } },
      again(2000, 2, [999_999]),
    ],
    [
      "the fifth restart in a row waits sixteen times as long",
      "always",
      "failed",
      { streak: { inRow: 4, at: [] } },
      again(16_000, 5),
    ],
    [
      "the wait never exceeds its cap of thirty seconds",
      "always",
      "failed",
      { streak: { inRow: 9, at: [] } },
      again(30_000, 10),
    ],
    [
      "the wait never exceeds a cap that the manifest sets",
      { maxDelay: "3s" },
      "failed",
      { streak: { inRow: 4, at: [] } },
      again(3000, 5),
    ],
    [
      "a launch that restarted ten times in ten minutes is given up",
      "always",
      "failed",
      { streak: { inRow: 10, at: many } },
      { is: "give-up", restarts: 10, windowMs: 600_000 },
    ],
    [
      "restarts for liveness count towards the same limit",
      { limit: { count: 2, window: "1s" } },
      "not-alive",
      { streak: { inRow: 2, at: [999_001, 999_500] } },
      { is: "give-up", restarts: 2, windowMs: 1000 },
    ],
    [
      "a restart older than the limit's window does not count, and is forgotten",
      { limit: { count: 2, window: "1s" } },
      "failed",
      { streak: { inRow: 2, at: [999_000, 999_500] } },
      again(4000, 3, [999_500]),
    ],
    [
      "without a limit it restarts for ever",
      { limit: "none" },
      "failed",
      { streak: { inRow: 99, at: many } },
      again(30_000, 100),
    ],
    [
      "a run that lasted a minute starts the row again",
      "always",
      "failed",
      { uptimeMs: 60_000, streak: { inRow: 7, at: [] } },
      again(1000, 1),
    ],
    [
      "a run a little shorter than a minute does not start the row again",
      "always",
      "failed",
      { uptimeMs: 59_999, streak: { inRow: 2, at: [] } },
      again(4000, 3),
    ],
    [
      "the manifest may set how long a run must last to start the row again",
      { resetAfter: "5ms" },
      "failed",
      { streak: { inRow: 7, at: [] } },
      again(1000, 1),
    ],
    [
      "the manifest may set the first delay",
      { delay: "100ms" },
      "failed",
      { streak: { inRow: 3, at: [] } },
      again(800, 4),
    ],
  ];
  for (const [what, policy, end, more, decision] of cases) {
    test(what, () => expect(decideAfterEnd(policyOf(policy), { ...usual, end, ...more, random: 0 })).toEqual(decision));
  }

  test("every policy has a row above for every end", () => {
    const pairs = Object.entries(AGAIN).flatMap(([policy, ends]) => Object.keys(ends).map((end) => `${policy} ${end}`));
    expect(cases.slice(0, pairs.length).map(([, policy, end]) => `${policy} ${end}`)).toEqual(pairs);
  });

  test("success is an exit code that the manifest names; a signal or an unknown end is a failure", () => {
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
        const decision = decideAfterEnd(policy, { ...run, random: chance });
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
          const decision = decideAfterEnd(policy, {
            end: "failed",
            uptimeMs: gap,
            streak,
            now,
            random: chance,
          });
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

describe("what a host shows when probes say something new", () => {
  type Shown = { state: RunState; ready: unknown; reported: string[] };

  /** What a run in this state is after the event, what is noted of it, and what the host reports. */
  function after(state: RunState, event: HealthEvent, isOver = false): Shown {
    const over = new AbortController();
    if (isOver) over.abort();
    const record = { key: "www:dev", probed: true, startedAt: new Date().toISOString(), leader: { pid: 7 } };
    const run = { state, record, history: { ready: "as before" }, over } as unknown as HostedRun;
    const reported: string[] = [];
    const host = {
      ground: { store: { writeHistory() {} } },
      report: (event: LaunchEvent) => reported.push(event.is === "note" ? event.text : event.is),
    } as unknown as Host;
    noteHealth(host, { run, event, why: "no answer" });
    return { state: run.state, ready: run.history.ready, reported };
  }

  test("a run whose `ready` probes hold is shown as ready, also when that is late", () => {
    for (const state of ["starting", "unhealthy"] as const)
      expect(after(state, "ready")).toMatchObject({ state: "up", ready: { is: "ready" }, reported: ["ready"] });
  });

  test("a run that was not ready in time is shown as unhealthy, with the reason", () => {
    expect(after("starting", "late")).toMatchObject({
      state: "unhealthy",
      ready: { is: "unhealthy", why: "no answer" },
      reported: ["unhealthy"],
    });
  });

  test("a run that was ready and whose `alive` probes fail is shown as unhealthy until they hold again", () => {
    expect(after("up", "failing")).toMatchObject({
      state: "unhealthy",
      ready: { is: "unhealthy", lost: true },
      reported: ["www:dev is unhealthy: no answer"],
    });
    expect(after("unhealthy", "recovered")).toMatchObject({ state: "up", reported: ["www:dev is alive again"] });
  });

  test("what is shown already is neither noted nor reported again", () => {
    for (const [state, event] of [
      ["up", "ready"],
      ["up", "recovered"],
      ["unhealthy", "late"],
      ["unhealthy", "failing"],
    ] as const)
      expect(after(state, event)).toEqual({ state, ready: "as before", reported: [] });
  });

  test("a probe that answers after the run's end changes nothing", () => {
    expect(after("starting", "ready", true)).toEqual({ state: "starting", ready: "as before", reported: [] });
    expect(after("up", "failing", true)).toEqual({ state: "up", ready: "as before", reported: [] });
  });
});

describe("liveness", () => {
  const may = { failures: 3, inStartPeriod: false };
  const seen = (failed: number, failing = false): Counted => ({ failed, failing });
  const cases: [
    what: string,
    before: Counted,
    why: string | null,
    more: Partial<typeof may>,
    after: ReturnType<typeof countAttempt>,
  ][] = [
    ["a probe that holds changes nothing", seen(0), null, {}, { ...seen(0), now: null }],
    ["a probe that holds again in time clears its failures", seen(2), null, {}, { ...seen(0), now: null }],
    ["a failed probe is counted", seen(0), "no", {}, { ...seen(1), now: null }],
    [
      "a probe that failed as often as it may makes the run failing",
      seen(2),
      "no",
      {},
      { ...seen(3, true), now: "failing" },
    ],
    [
      "a probe that keeps failing reports the run as failing once",
      seen(3, true),
      "no",
      {},
      { ...seen(4, true), now: null },
    ],
    [
      "a probe that holds after the run was failing reports it as well",
      seen(9, true),
      null,
      {},
      { ...seen(0), now: "recovered" },
    ],
    [
      "one failure is enough where the manifest allows one",
      seen(0),
      "no",
      { failures: 1 },
      { ...seen(1, true), now: "failing" },
    ],
    [
      "a failure within the start period clears those before it",
      seen(2),
      "no",
      { inStartPeriod: true },
      { ...seen(0), now: null },
    ],
  ];
  for (const [what, before, why, more, after] of cases)
    test(what, () => expect(countAttempt(before, { why, ...may, ...more })).toEqual(after));

  /** A run whose clock is the number of milliseconds slept. */
  async function play(
    tries: (string | null)[],
    probe: { startPeriodMs?: number; failures?: number },
    endsWhenSick = false,
  ) {
    let clock = 0;
    const reported: string[] = [];
    const left = [...tries];
    await askAlive({
      probe: { intervalMs: 100, startPeriodMs: 0, failures: 2, ...probe },
      attempt: async () => left.shift() ?? null,
      uptimeMs: () => clock,
      sleep: async (ms) => {
        clock += ms;
      },
      over: () => left.length === 0,
      onFailing(why) {
        reported.push(`${clock} failing: ${why}`);
        return endsWhenSick;
      },
      onRecovered: () => reported.push(`${clock} well`),
    });
    return reported;
  }

  test("a probe is asked at its interval from the start; failing, well and failing again are reported once each", async () => {
    expect(await play(["a", "b", "c", null, "d", "e", null], {})).toEqual([
      "200 failing: b, 2 times in a row",
      "400 well",
      "600 failing: e, 2 times in a row",
    ]);
  });

  test("one failure is reported as once; a probe whose run is to end is no longer asked", async () => {
    expect(await play(["a", "b", null, "c", null], { failures: 1 }, true)).toEqual(["100 failing: a, once"]);
  });

  test("a probe that fails within the start period is not counted", async () => {
    expect(await play(["a", "b", "c", "d", null], { startPeriodMs: 201 })).toEqual([
      "400 failing: d, 2 times in a row",
    ]);
  });

  test("property: it is failing exactly when the last `failures` tries failed, or since then none held", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean()), fc.integer({ min: 1, max: 5 }), (held, failures) => {
        let before = seen(0);
        let failing = false;
        for (const [index, holds] of held.entries()) {
          const last = held.slice(Math.max(0, index + 1 - failures), index + 1);
          failing = holds ? false : failing || (last.length === failures && !last.includes(true));
          before = countAttempt(before, { why: holds ? null : "no", failures, inStartPeriod: false });
          if (before.failing !== failing) return false;
        }
        return true;
      }),
    );
  });
});
