/** Which start joins the launch that it finds, gives way to it, or replaces it. */
import { expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { openStore } from "../../../src/state/store.ts";
import { makeLaunchSpec } from "../../../src/supervisor/launch/spec.ts";
import type { Ground, LaunchSpec } from "../../../src/supervisor/launch/types.ts";
import { judgeTurn, type Likeness, likenessOfRequest, type Turn } from "../../../src/supervisor/start/join.ts";
import { bootClock, programBegan } from "../../../src/sys/kernel/bootclock.ts";
import { makeProcessTable } from "../../../src/sys/process/table.ts";
import { makeTemporary } from "../../kit/temporary.ts";

const LIKENESSES = ["same", "same-words", "other", "unknown"] as const;

const ROWS: [
  what: string,
  found: { begunAt?: number; askedAt?: number },
  turns: Record<Likeness, Turn>,
  ofAnyLater: Record<Likeness, Turn>,
][] = [
  [
    "asked for and begun later",
    { begunAt: 12, askedAt: 11 },
    { same: "join", "same-words": "join", other: "give-way", unknown: "start" },
    { same: "join", "same-words": "join", other: "join", unknown: "start" },
  ],
  [
    "asked for earlier, begun later",
    { begunAt: 12, askedAt: 9 },
    { same: "join", "same-words": "start", other: "start", unknown: "start" },
    { same: "join", "same-words": "start", other: "start", unknown: "start" },
  ],
  ["begun at the same instant", { begunAt: 10, askedAt: 9 }, ...replaced()],
  ["begun earlier", { begunAt: 9, askedAt: 8 }, ...replaced()],
  // What ran before it ran before this start was asked for, too.
  ["asked for later, begun earlier", { begunAt: 9, askedAt: 11 }, ...replaced()],
  ["of a dt that notes no times", {}, ...replaced()],
];

function replaced(): [Record<Likeness, Turn>, Record<Likeness, Turn>] {
  const never: Record<Likeness, Turn> = { same: "start", "same-words": "start", other: "start", unknown: "start" };
  return [never, never];
}

test.each(ROWS)("a launch %s", (_what, found, turns, ofAnyLater) => {
  const judge = (alike: Likeness, anyLater: boolean) =>
    judgeTurn({ askedAt: 10, found, likeness: () => alike, anyLater });
  const all = (anyLater: boolean) =>
    Object.fromEntries(LIKENESSES.map((alike) => [alike, judge(alike, anyLater)])) as Record<Likeness, Turn>;
  expect([all(false), all(true)]).toEqual([turns, ofAnyLater]);
});

const SETTINGS = { port: null, restart: { policy: "never" } } as unknown as LaunchSpec["settings"];

function specOf(more: Partial<LaunchSpec> = {}): LaunchSpec {
  const asker = { by: "user" as const, pid: 1, command: "dt t dev -d" };
  return makeLaunchSpec({
    key: "t:dev:default",
    settings: SETTINGS,
    env: { PATH: "/bin", API: "a", SHLVL: "1" },
    asker,
    ...more,
  });
}

const OTHERS: [what: string, likeness: Likeness, more: Partial<LaunchSpec>][] = [
  ["asked by another process, at another time", "same", { asker: { by: "user", pid: 2, command: "x" }, askedAt: 1 }],
  ["from another terminal", "same", { env: { SHLVL: "2", PATH: "/bin", API: "a", TMUX: "x", _: "dt" } }],
  ["with another environment", "same-words", { env: { PATH: "/bin", API: "b", SHLVL: "1" } }],
  ["with less environment", "same-words", { env: { PATH: "/bin" } }],
  ["with other arguments", "other", { args: ["x"] }],
  ["with other settings", "same-words", { settings: { ...SETTINGS, restart: { policy: "always" } } as never }],
  ["with another --timeout", "same-words", { readyTimeoutMs: 1000 }],
  ["with another --port", "other", { settings: { ...SETTINGS, port: 3100 } }],
  ["with a toggle off", "other", { off: ["db"] }],
  ["with no toggle off", "same", { off: [] }],
  ["that recreates containers", "other", { recreate: true }],
  ["in the foreground", "other", { detached: false }],
  ["tied to a process", "other", { owner: { pid: 1, startTime: "1", bootId: "b", pidNamespace: "n", command: "sh" } }],
];

test.each(OTHERS)("a start %s: %s", (_what, likeness, more) => {
  const base = makeTemporary("join");
  const directory = join(base, "run");
  mkdirSync(directory, { mode: 0o700 });
  const store = openStore({ directory, home: join(base, "home"), table: makeProcessTable() });
  store.writeSpec("token", specOf(more));
  const ground = { store } as Ground;
  expect(likenessOfRequest(ground, { spec: specOf(), token: "token" })).toBe(likeness);
  expect(likenessOfRequest(ground, { spec: specOf(), token: "unknown" })).toBe("unknown");
});

test("two processes read the same clock, and a program begins before it reads it", async () => {
  const before = bootClock();
  const program = `import { bootClock, programBegan } from ${JSON.stringify(join(import.meta.dir, "../../../src/sys/kernel/bootclock.ts"))};
    console.log(JSON.stringify([programBegan(), bootClock()]));`;
  const child = Bun.spawnSync([process.execPath, "-e", program]);
  const after = bootClock();
  const [began, read] = JSON.parse(child.stdout.toString()) as [number, number];
  expect([before, began, read, after].toSorted((a, b) => a - b)).toEqual([before, began, read, after]);
  expect(programBegan()).toBeLessThan(before);
});
