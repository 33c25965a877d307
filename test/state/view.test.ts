/** Each row of the table on top of src/state/view.ts, and what must hold for anything that can be seen. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { ExitReason, KeyState, LaunchHistory, Phase } from "../../src/state/types.ts";
import { isLiving, judgeState, type Observed, stateAfter } from "../../src/state/view.ts";
import type { Presence } from "../../src/sys/process/identity.ts";
import { exitOf, historyOf, recordOf } from "./samples.ts";

interface Seen {
  phase?: Phase;
  /** Whether the leader was written down, and what became of it. */
  leader?: Presence | "none";
  host?: Presence;
  probed?: boolean;
  ready?: LaunchHistory["ready"];
  code?: number | null;
  treeFound?: boolean;
  locked?: boolean;
  exit?: ExitReason;
}

const READY: LaunchHistory["ready"] = { is: "ready", at: "now" };
const UNHEALTHY: LaunchHistory["ready"] = { is: "unhealthy", at: "now", why: "no answer" };
const WAITING: LaunchHistory["ready"] = { is: "waiting" };

function observe({
  phase,
  leader = "none",
  host = "gone",
  probed = false,
  ready,
  code,
  exit,
  ...more
}: Seen): Observed {
  const exited = code === undefined ? null : { code, signal: null, at: "now" };
  return {
    record: phase === undefined ? null : recordOf({ phase, probed, ...(leader === "none" ? { leader: null } : {}) }),
    history: ready === undefined && exited === null ? null : historyOf({ ready: ready ?? null, exited }),
    exit: exit === undefined ? null : exitOf({ reason: exit }),
    leader: leader === "none" ? "gone" : leader,
    host,
    treeFound: false,
    locked: false,
    ...more,
  };
}

const any: Presence[] = ["alive", "gone", "unknown"];

const rows: [row: string, seen: Seen[], state: KeyState | null][] = [
  ["no record, no exit", [{}], null],
  ["no record, stopped", [{ exit: "stopped" }, { exit: "replaced" }, { exit: "interrupted" }], "stopped"],
  ["no record, replaced, the lock held", [{ exit: "replaced", locked: true }], "starting"],
  ["no record, exited", [{ exit: "exited" }], "exited"],
  ["no record, failed", [{ exit: "failed" }, { exit: "start-failed" }, { exit: "unknown" }], "failed"],
  ["starting, no leader, host alive", [{ phase: "starting", host: "alive" }], "starting"],
  ["starting, no leader, host not to be judged from here", [{ phase: "starting", host: "unknown" }], "starting"],
  ["starting, no leader, host gone, its tree found", [{ phase: "starting", treeFound: true }], "running"],
  ["starting, no leader, host gone, nothing found", [{ phase: "starting" }], "failed"],
  ["an old exit says nothing beside a record", [{ phase: "starting", exit: "stopped" }], "failed"],
  [
    "running, probes not done",
    [
      { phase: "running", leader: "alive", host: "alive", probed: true },
      { phase: "running", leader: "alive", host: "alive", probed: true, ready: WAITING },
    ],
    "starting",
  ],
  [
    "running, ready, whatever the host",
    any.map((host) => ({ phase: "running", leader: "alive", host, probed: true, ready: READY })),
    "ready",
  ],
  [
    "running, unhealthy, whatever the host",
    any.map((host) => ({ phase: "running", leader: "alive", host, probed: true, ready: UNHEALTHY })),
    "unhealthy",
  ],
  ["running, no probes", any.map((host) => ({ phase: "running", leader: "alive", host })), "running"],
  [
    "running, probes not done and its host gone",
    [{ phase: "running", leader: "alive", host: "gone", probed: true, ready: WAITING }],
    "running",
  ],
  ["stopping, leader alive", any.map((host) => ({ phase: "stopping", leader: "alive", host })), "stopping"],
  [
    "stopping, leader gone, its host or its stopper lives",
    [
      { phase: "stopping", leader: "gone", host: "alive" },
      { phase: "stopping", leader: "gone", locked: true },
    ],
    "stopping",
  ],
  [
    "stopping, leader gone, no host or stopper, but its tree found",
    [{ phase: "stopping", leader: "gone", treeFound: true }],
    "stopping",
  ],
  ["stopping, leader gone, no host or stopper", [{ phase: "stopping", leader: "gone" }], "stopped"],
  ["stopping before the leader was written down", [{ phase: "stopping", host: "alive" }], "stopping"],
  [
    "stopping before the leader was written down, host gone, its tree found or a stopper at work",
    [
      { phase: "stopping", treeFound: true },
      { phase: "stopping", locked: true },
    ],
    "stopping",
  ],
  ["stopping before the leader was written down, host gone, nothing found", [{ phase: "stopping" }], "stopped"],
  ["running, leader gone, its success noted", [{ phase: "running", leader: "gone", code: 0 }], "exited"],
  [
    "running, leader gone, failure or nothing noted",
    [
      { phase: "running", leader: "gone", code: 1 },
      { phase: "running", leader: "gone", code: null },
      { phase: "running", leader: "gone" },
      { phase: "running", leader: "gone", treeFound: true },
    ],
    "failed",
  ],
  [
    "running, leader gone, and its host, or who has the lock, is at it",
    [
      { phase: "running", leader: "gone", host: "alive" },
      { phase: "running", leader: "gone", host: "alive", code: 0 },
      { phase: "running", leader: "gone", host: "alive", probed: true, ready: READY },
      { phase: "running", leader: "gone", code: 1, locked: true },
    ],
    "stopping",
  ],
  [
    "backoff, host alive",
    [
      { phase: "backoff", host: "alive" },
      { phase: "backoff", host: "unknown" },
    ],
    "backoff",
  ],
  ["backoff, host gone", [{ phase: "backoff", host: "gone" }], "failed"],
  ["running in another namespace", [{ phase: "running", leader: "unknown", host: "unknown" }], "running"],
  [
    "ready in another namespace",
    [{ phase: "running", leader: "unknown", host: "unknown", probed: true, ready: READY }],
    "ready",
  ],
  ["stopping in another namespace", [{ phase: "stopping", leader: "unknown", host: "unknown" }], "stopping"],
];

for (const [row, seen, state] of rows) {
  test(`${row}: ${state ?? "nothing is known"}`, () => {
    for (const one of seen) expect([one, judgeState(observe(one))]).toEqual([one, state]);
  });
}

describe("properties", () => {
  const seen: fc.Arbitrary<Seen> = fc.record(
    {
      phase: fc.constantFrom<Phase>("starting", "running", "stopping", "backoff"),
      leader: fc.constantFrom<Presence | "none">("alive", "gone", "unknown", "none"),
      host: fc.constantFrom<Presence>(...any),
      probed: fc.boolean(),
      ready: fc.constantFrom(null, READY, UNHEALTHY, WAITING),
      code: fc.constantFrom(null, 0, 1),
      treeFound: fc.boolean(),
      locked: fc.boolean(),
      exit: fc.constantFrom<ExitReason>("stopped", "exited", "failed", "unknown"),
    },
    { requiredKeys: [] },
  );
  const RUNS: (KeyState | null)[] = ["running", "ready", "unhealthy"];

  test("property: a launch whose leader is gone is never shown as running, unless a process of its token was found", () => {
    fc.assert(
      fc.property(seen, (one) => {
        const observed = observe(one);
        const found = observed.record?.leader === null && observed.treeFound;
        return observed.leader !== "gone" || found || !RUNS.includes(judgeState(observed));
      }),
      { numRuns: 5000 },
    );
  });

  test("property: a launch whose leader lives, or may live, is never shown as ended, except in backoff, where no leader is recorded", () => {
    fc.assert(
      fc.property(seen, (one) => {
        const observed = observe(one);
        const state = judgeState(observed);
        return (
          observed.record?.leader == null ||
          observed.record.phase === "backoff" ||
          observed.leader === "gone" ||
          (state !== null && isLiving(state))
        );
      }),
      { numRuns: 5000 },
    );
  });

  test("property: a record always gives a state; without one only the last exit does", () => {
    fc.assert(
      fc.property(seen, (one) => {
        const observed = observe(one);
        const state = judgeState(observed);
        if (observed.record !== null) return state !== null;
        return state === (observed.exit === null ? null : stateAfter(observed.exit));
      }),
    );
  });
});

test("living states are those of a launch that is there", () => {
  const all: KeyState[] = [
    "starting",
    "running",
    "ready",
    "unhealthy",
    "stopping",
    "backoff",
    "stopped",
    "exited",
    "failed",
  ];
  expect(all.filter((state) => !isLiving(state))).toEqual(["stopped", "exited", "failed"]);
});
