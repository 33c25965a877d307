/** The tree over a made-up process table: each kind of evidence, and each reason to leave something out. */
import { describe, expect, test } from "bun:test";
import { HOST_MARK } from "../../../src/supervisor/launch/marks.ts";
import type { TreeQuery } from "../../../src/supervisor/tree/query.ts";
import { findTree } from "../../../src/supervisor/tree/tree.ts";
import type { ProcessIdentity } from "../../../src/sys/process/identity.ts";
import { BOOT, type FakeProcess, fakeTable, NAMESPACE } from "../../sys/process/table.fake.ts";

const TOKEN = "a".repeat(32);
const OTHER = "b".repeat(32);
const HOST = 90;
const LEADER = 100;
const LOG = { dev: 1, ino: 77 };

const identity = (pid: number, startTime = "1000", more: Partial<ProcessIdentity> = {}): ProcessIdentity => ({
  pid,
  startTime,
  bootId: BOOT,
  pidNamespace: NAMESPACE,
  ...more,
});

const host: FakeProcess = { pid: HOST, ppid: 1, startTime: "900", comm: "dt", env: { [HOST_MARK]: "/root" } };
const leader: FakeProcess = { pid: LEADER, ppid: HOST, comm: "server" };

interface Case {
  processes: FakeProcess[];
  query?: Partial<TreeQuery>;
  members?: number[];
  candidates?: number[];
  passedOver?: number[];
}

function look({ processes, query }: Case) {
  const tree = findTree(
    fakeTable(processes, { pid: process.pid, ppid: LEADER, sid: LEADER, env: { DIALTONE_TOKEN: TOKEN } }),
    {
      key: "www:dev:default",
      root: "/root",
      token: TOKEN,
      leader: identity(LEADER),
      host: identity(HOST, "900"),
      adopted: [],
      logFile: LOG,
      spare: [],
      otherHosts: () => [],
      ...query,
    },
  );
  const pids = (list: { identity: ProcessIdentity }[]) => list.map((one) => one.identity.pid).sort((a, b) => a - b);
  return { members: pids(tree.members), candidates: pids(tree.candidates), passedOver: pids(tree.passedOver) };
}

function tests(cases: Record<string, Case>): void {
  for (const [what, one] of Object.entries(cases)) {
    test(what, () => {
      const { members = [], candidates = [], passedOver = [] } = one;
      expect(look(one)).toEqual({ members, candidates, passedOver });
    });
  }
}

describe("evidence", () => {
  tests({
    "the leader, not its host, not who looks": { processes: [host, leader], members: [LEADER] },
    "descent, however deep, in sessions of their own": {
      processes: [host, leader, { pid: 101, ppid: LEADER }, { pid: 102, ppid: 101 }, { pid: 103, ppid: 102 }],
      members: [LEADER, 101, 102, 103],
    },
    "children listed before their parents": {
      processes: [{ pid: 50, ppid: 60 }, { pid: 60, ppid: LEADER }, leader, host],
      members: [50, 60, LEADER],
    },
    "session and group, while the leader lives": {
      processes: [host, leader, { pid: 101, sid: LEADER }, { pid: 102, pgid: LEADER }],
      members: [LEADER, 101, 102],
    },
    "the token, with what is below": {
      processes: [host, leader, { pid: 101, env: { DIALTONE_TOKEN: TOKEN } }, { pid: 102, ppid: 101 }],
      members: [LEADER, 101, 102],
    },
    "the token after the leader is gone": {
      processes: [{ pid: 101, env: { DIALTONE_TOKEN: TOKEN } }],
      members: [101],
    },
    "who writes the log as the leader does, and as the one who inherited it from there": {
      processes: [
        host,
        { ...leader, writes: [77], description: "log" },
        { pid: 101, writes: [77], description: "log" },
        { pid: 102, ppid: 101 },
      ],
      members: [LEADER, 101, 102],
    },
    "who opened the log by itself is named, when there is no lineage": {
      processes: [host, { ...leader, writes: [77], description: "log" }, { pid: 101, writes: [77] }],
      members: [LEADER],
      candidates: [101],
    },
    "a process whose open files cannot be compared, or has none to compare with, is named": {
      processes: [host, leader, { pid: 101, writes: [77], description: null }, { pid: 102, writes: [77] }],
      members: [LEADER],
      candidates: [101, 102],
    },
    "where there is a lineage, who lacks it and opened the log is a stranger": {
      processes: [host, { ...leader, lineage: TOKEN }, { pid: 101, writes: [77] }, { pid: 102, ppid: 101 }],
      query: { hasLineage: true },
      members: [LEADER],
    },
    "who has the log as the leader does is named: it may have been handed over": {
      processes: [
        host,
        { ...leader, lineage: TOKEN, writes: [77], description: "log" },
        { pid: 101, writes: [77], description: "log" },
      ],
      query: { hasLineage: true },
      members: [LEADER],
      candidates: [101],
    },
    "the lineage, with what is below, whatever became of environment, session, parent and log": {
      processes: [
        host,
        { ...leader, lineage: TOKEN },
        { pid: 101, env: {}, lineage: TOKEN },
        { pid: 102, env: null, lineage: TOKEN },
        { pid: 103, ppid: 102 },
      ],
      members: [LEADER, 101, 102, 103],
    },
    "not another launch's lineage, though it writes the log": {
      processes: [host, leader, { pid: 101, lineage: OTHER, writes: [77] }],
      members: [LEADER],
    },
    "not who writes another file of that device": {
      processes: [host, leader, { pid: 101, writes: [78] }],
      members: [LEADER],
    },
    "not who writes when no log is recorded": {
      processes: [host, leader, { pid: 101, writes: [77] }],
      query: { logFile: null },
      members: [LEADER],
    },
    "an orphan that fell to the host": { processes: [host, leader, { pid: 101, ppid: HOST }], members: [LEADER, 101] },
    "not one that fell to a host where others do too": {
      processes: [host, leader, { pid: 101, ppid: HOST }, { pid: 102, ppid: HOST, lineage: TOKEN }],
      query: { bystanders: true },
      members: [LEADER, 102],
    },
    "an orphan noted on disk, its host gone": {
      processes: [{ pid: 101 }],
      query: { adopted: [identity(101)] },
      members: [101],
    },
    "not one whose noted pid was reused": {
      processes: [{ pid: 101, startTime: "2000" }],
      query: { adopted: [identity(101)] },
    },
    "not the children of who has the host's pid now": {
      processes: [{ ...host, startTime: "5000", env: {} }, leader, { pid: 101, ppid: HOST }],
      members: [LEADER],
    },
    "key and root when the token was lost with the record": {
      processes: [
        { pid: 101, env: { DIALTONE_KEY: "www:dev:default", DIALTONE_ROOT: "/root", DIALTONE_TOKEN: OTHER } },
        { pid: 102, env: { DIALTONE_KEY: "www:dev:other", DIALTONE_ROOT: "/root", DIALTONE_TOKEN: OTHER } },
        { pid: 103, env: { DIALTONE_KEY: "www:dev:default", DIALTONE_ROOT: "/elsewhere", DIALTONE_TOKEN: OTHER } },
        { pid: 104, env: { DIALTONE_KEY: "www:dev:default", DIALTONE_ROOT: "/root" } },
      ],
      query: { token: null, leader: null, host: null },
      members: [101],
    },
    "zombies have ended, and what is below them has moved": {
      processes: [host, { ...leader, state: "Z" }, { pid: 101, state: "Z", env: { DIALTONE_TOKEN: TOKEN } }],
    },
    "nothing older than the leader, whatever it looks like": {
      processes: [
        host,
        leader,
        { pid: 101, startTime: "999", sid: LEADER, writes: [77], env: { DIALTONE_TOKEN: TOKEN } },
        { pid: 102, startTime: "1000", env: { DIALTONE_TOKEN: TOKEN } },
      ],
      members: [LEADER, 102],
    },
    "nothing older than the host, when no leader was written down": {
      processes: [host, { pid: 101, startTime: "899", ppid: HOST }, { pid: 102, startTime: "900", ppid: HOST }],
      query: { leader: null },
      members: [102],
    },
    "a leader handed on to a later host is older than that host": {
      processes: [
        { ...host, startTime: "3000" },
        { ...leader, ppid: 1 },
        { pid: 101, ppid: LEADER, startTime: "1500" },
      ],
      query: { host: identity(HOST, "3000") },
      members: [LEADER, 101],
    },
    "an environment that cannot be read is no evidence": {
      processes: [host, leader, { pid: 101, env: null }],
      members: [LEADER],
    },
  });
});

describe("a leader that is gone", () => {
  tests({
    "its session and group are candidates: named, never signalled": {
      processes: [{ pid: 101, sid: LEADER }, { pid: 102, pgid: LEADER }, { pid: 103 }],
      candidates: [101, 102],
    },
    "one with evidence of its own is a member": {
      processes: [
        { pid: 101, sid: LEADER, env: { DIALTONE_TOKEN: TOKEN } },
        { pid: 102, sid: LEADER },
      ],
      members: [101],
      candidates: [102],
    },
    "its pid was reused: that session is another's": {
      processes: [
        { pid: LEADER, startTime: "2000" },
        { pid: 101, sid: LEADER, startTime: "2001" },
      ],
    },
    "a zombie keeps its number: candidates": {
      processes: [
        { ...leader, state: "Z" },
        { pid: 101, sid: LEADER },
      ],
      candidates: [101],
    },
    "it was of another boot: its number says nothing": {
      processes: [{ pid: LEADER }, { pid: 101, sid: LEADER }],
      query: { leader: identity(LEADER, "1000", { bootId: "earlier" }), host: null },
    },
    "it is of another namespace: its number says nothing": {
      processes: [{ pid: LEADER }, { pid: 101, sid: LEADER }],
      query: { leader: identity(LEADER, "1000", { pidNamespace: "pid:[other]" }), host: null },
    },
    "a candidate with another launch's token, or a spared name, is none": {
      processes: [
        { pid: 101, sid: LEADER, env: { DIALTONE_TOKEN: OTHER } },
        { pid: 102, sid: LEADER, comm: "keeper" },
        { pid: 103, sid: LEADER, ppid: 102, comm: "below" },
        { pid: 104, sid: LEADER, env: { [HOST_MARK]: "/root" } },
      ],
      query: { spare: ["keeper"] },
    },
  });
});

describe("left out", () => {
  tests({
    "a name in spare, with all below it, though that has inherited every evidence": {
      processes: [
        host,
        leader,
        { pid: 101, ppid: LEADER, sid: LEADER, comm: "adb", env: { DIALTONE_TOKEN: TOKEN }, writes: [77] },
        { pid: 102, ppid: 101, sid: LEADER, comm: "adb-worker", env: { DIALTONE_TOKEN: TOKEN }, writes: [77] },
        { pid: 103, ppid: 102, comm: "deeper", env: { DIALTONE_TOKEN: TOKEN } },
        { pid: 104, ppid: LEADER, comm: "other" },
      ],
      query: { spare: ["adb"] },
      members: [LEADER, 104],
      passedOver: [101, 102, 103],
    },
    "a spared server that was given away, and its workers": {
      processes: [
        host,
        leader,
        { pid: 102, ppid: 101, comm: "worker", env: { DIALTONE_TOKEN: TOKEN } },
        { pid: 101, ppid: 1, comm: "adb", env: { DIALTONE_TOKEN: TOKEN } },
      ],
      query: { spare: ["adb"] },
      members: [LEADER],
      passedOver: [101, 102],
    },
    "a spared name elsewhere on the machine hides nothing of the launch": {
      processes: [
        { pid: 80, comm: "bash", startTime: "1000" },
        { ...host, ppid: 80 },
        leader,
        { pid: 101, ppid: LEADER },
      ],
      query: { spare: ["bash"] },
      members: [LEADER, 101],
    },
    "the leader is what is stopped, whatever spare says": {
      processes: [host, leader, { pid: 101, ppid: LEADER, comm: "server" }, { pid: 102, ppid: LEADER }],
      query: { spare: ["server"] },
      members: [LEADER, 102],
      passedOver: [101],
    },
    "a launch inside the launch: its host, its leader, and what cleared its environment there": {
      processes: [
        host,
        leader,
        { pid: 101, ppid: LEADER, comm: "dt", env: { [HOST_MARK]: "/root" } },
        { pid: 102, ppid: 101, env: { DIALTONE_TOKEN: OTHER } },
        { pid: 103, ppid: 102, env: {} },
      ],
      members: [LEADER],
      passedOver: [101, 102, 103],
    },
    "a recorded host of another launch, even without its mark": {
      processes: [host, leader, { pid: 101, ppid: LEADER, env: {} }, { pid: 102, ppid: 101 }],
      query: { otherHosts: () => [identity(101)] },
      members: [LEADER],
      passedOver: [101, 102],
    },
    "not who has only its pid": {
      processes: [host, leader, { pid: 101, ppid: LEADER, env: {} }],
      query: { otherHosts: () => [identity(101, "1"), identity(101, "1000", { bootId: "earlier" })] },
      members: [LEADER, 101],
    },
    "a process with another launch's token": {
      processes: [host, leader, { pid: 101, ppid: LEADER, sid: LEADER, env: { DIALTONE_TOKEN: OTHER } }],
      members: [LEADER],
      passedOver: [101],
    },
    "a process with another launch's lineage": {
      processes: [host, leader, { pid: 101, ppid: LEADER, sid: LEADER, lineage: OTHER }, { pid: 102, ppid: 101 }],
      members: [LEADER],
      passedOver: [101, 102],
    },
    "one that says it is another launch's, whatever it inherited; and that one's own": {
      processes: [
        host,
        leader,
        { pid: 101, ppid: LEADER, lineage: TOKEN, env: { DIALTONE_TOKEN: OTHER } },
        { pid: 102, ppid: 1, lineage: OTHER, env: { DIALTONE_TOKEN: TOKEN } },
      ],
      members: [LEADER, 102],
      passedOver: [101],
    },
    "not one that names a launch around this one, where this one names itself nowhere": {
      processes: [host, leader, { pid: 101, ppid: LEADER, lineage: TOKEN, env: { DIALTONE_TOKEN: OTHER } }],
      query: { isUnnamed: true },
      members: [LEADER, 101],
    },
    "but an overwritten environment says nothing by what stands there": {
      processes: [
        host,
        leader,
        { pid: 101, ppid: LEADER, env: { DIALTONE_TOKEN: "postgres: writer process" } },
        { pid: 102, ppid: LEADER, env: { DIALTONE_TOKEN: "" } },
      ],
      members: [LEADER, 101, 102],
    },
    "the launch's own host, even if it has the token, but nothing that is below it": {
      processes: [
        { ...host, startTime: "1000", env: { DIALTONE_TOKEN: TOKEN } },
        leader,
        { pid: 101, ppid: HOST, env: {} },
        { pid: 102, ppid: 101, env: {} },
      ],
      query: { host: identity(HOST) },
      members: [LEADER, 101, 102],
      passedOver: [HOST],
    },
    "a launch inside another: the outer one's host above it takes nothing away": {
      processes: [
        { pid: 70, comm: "dt", env: { [HOST_MARK]: "/root" } },
        { pid: 71, ppid: 70, env: { DIALTONE_TOKEN: OTHER } },
        { ...host, ppid: 71, startTime: "1000" },
        leader,
        { pid: 101, ppid: LEADER },
      ],
      query: { host: identity(HOST), otherHosts: () => [identity(70)] },
      members: [LEADER, 101],
    },
  });
});

test("a tree of many generations", () => {
  const depth = 3000;
  const processes: FakeProcess[] = Array.from({ length: depth }, (_, at) => ({
    pid: 5_000_000 + at, // beyond any real pid: this very process is left out of every tree
    ppid: at === 0 ? LEADER : 4_999_999 + at,
  }));
  expect(look({ processes: [host, leader, ...processes] }).members).toHaveLength(depth + 1);
});
