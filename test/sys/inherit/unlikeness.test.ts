/** The table of what programs inherit: what a host can set for an asker, and what only another host can. */
import { describe, expect, test } from "bun:test";
import { differenceFrom, ROWS, unlikeness } from "../../../src/sys/inherit/inheritance.ts";
import type { Inherited } from "../../../src/sys/inherit/inherited.ts";

const FIRST_USERS = "user:[4026531837]";
const CAP = { setgid: 6, sysNice: 23, sysResource: 24 } as const;

function withCapabilities(...held: (keyof typeof CAP)[]): string {
  const mask = held.reduce((all, name) => all | (1n << BigInt(CAP[name])), 0n).toString(16);
  return `0 0 ${mask.padStart(16, "0")} 0 0`;
}

/** A host without any capability, unless one is given. */
function hostWith(change: Partial<Inherited> = {}): Inherited {
  return {
    umask: "0022",
    limits: Array.from({ length: 16 }, () => ["100", "200"] as const),
    nice: 0,
    scheduling: "0 0",
    io: 0,
    cpus: "3",
    groups: "5 6",
    noNewPrivileges: false,
    oomScore: 0,
    ignored: "0",
    blocked: "0",
    users: "1000 1000",
    capabilities: withCapabilities(),
    seccomp: "0 0",
    cgroup: "0::/\n",
    namespaces: `mnt:[1] ${FIRST_USERS} uts:[2]`,
    label: "unconfined",
    root: "/",
    ...change,
  };
}

function limited(at: number, soft: string, hard: string): Pick<Inherited, "limits"> {
  return { limits: hostWith().limits.map((one, index) => (index === at ? ([soft, hard] as const) : one)) };
}

const ALWAYS: Partial<Inherited>[] = [
  { umask: "0077" },
  { cpus: "1" },
  { ignored: "200" },
  { blocked: "4200" },
  { nice: 5 },
  { io: 3 << 13 },
  { noNewPrivileges: true },
  { oomScore: 500 },
  limited(4, "50", "200"),
  limited(4, "100", "150"),
];

const NEVER: [string, Partial<Inherited>][] = [
  ["scheduling policy", { scheduling: "3 0" }],
  ["user or group", { users: "1001 1000" }],
  ["capabilities", { capabilities: "0 0 0000000000000000 1 0" }],
  ["seccomp filters", { seccomp: "2 1" }],
  ["cgroup", { cgroup: "0::/other\n" }],
  ["namespaces", { namespaces: `mnt:[9] ${FIRST_USERS} uts:[2]` }],
  ["security label", { label: "docker-default" }],
  ["root directory", { root: "/jail" }],
  ["no_new_privs", { noNewPrivileges: false }],
];

/** Each: what the row is called, what the asker has, and the capability with which a host can set it. */
const WITH_CAPABILITY: [string, Partial<Inherited>, keyof typeof CAP][] = [
  ["resource limits", limited(4, "100", "300"), "sysResource"],
  ["resource limits", limited(4, "100", "unlimited"), "sysResource"],
  ["nice value", { nice: -1 }, "sysNice"],
  ["I/O class", { io: (1 << 13) | 4 }, "sysNice"],
  ["supplementary groups", { groups: "5" }, "setgid"],
  ["supplementary groups", { groups: "" }, "setgid"],
  ["oom_score_adj", { oomScore: -1 }, "sysResource"],
];

describe("a host that may do nothing special", () => {
  test.each(ALWAYS)("sets %j", (change) => {
    expect(unlikeness(hostWith(change), hostWith())).toBeNull();
    expect(differenceFrom(hostWith(), hostWith(change))).toEqual(change);
  });

  test.each(NEVER)("cannot set another %s", (what, change) => {
    const host = what === "no_new_privs" ? hostWith({ noNewPrivileges: true }) : hostWith();
    expect(unlikeness(hostWith(change), host)).toBe(what);
  });

  test("not even with every capability", () => {
    const all = { capabilities: "0 0 000001ffffffffff 0 0" };
    for (const [what, change] of NEVER) {
      const host = hostWith({ ...all, noNewPrivileges: what === "no_new_privs" });
      expect(unlikeness(hostWith({ ...all, ...change }), host)).toBe(what);
    }
  });

  test("has nothing to set for an asker that is like it", () => {
    expect(unlikeness(hostWith(), hostWith())).toBeNull();
    expect(differenceFrom(hostWith(), hostWith())).toBeNull();
  });
});

describe("a capability of the host", () => {
  test.each(WITH_CAPABILITY)("sets %s: %j with %s, and not without", (what, change, capability) => {
    const others = (Object.keys(CAP) as (keyof typeof CAP)[]).filter((one) => one !== capability);
    const judge = (held: (keyof typeof CAP)[], more: Partial<Inherited> = {}) => {
      const shared = { capabilities: withCapabilities(...held), ...more };
      return unlikeness(hostWith({ ...shared, ...change }), hostWith(shared));
    };
    expect(judge([capability])).toBeNull();
    expect(judge([])).toBe(what);
    expect(judge(others)).toBe(what);
    // In a user namespace of its own it counts for nothing that belongs to the machine.
    expect(judge([capability], { namespaces: "mnt:[1] user:[4026532000] uts:[2]" })).toBe(what);
  });
});

test("a hard limit is compared as a number, and unlimited is above all", () => {
  const judge = (asker: string, host: string) =>
    unlikeness(hostWith(limited(4, "1", asker)), hostWith(limited(4, "1", host)));
  expect([judge("9", "10"), judge("10", "9"), judge("unlimited", "10"), judge("10", "unlimited")]).toEqual([
    null,
    "resource limits",
    "resource limits",
    null,
  ]);
});

test("the soft limit of open files is no difference, as each child's is set; its hard limit is one", () => {
  expect(differenceFrom(hostWith(), hostWith(limited(7, "50", "200")))).toBeNull();
  expect(differenceFrom(hostWith(), hostWith(limited(7, "100", "150")))).toEqual(limited(7, "100", "150"));
  expect(differenceFrom(hostWith(), hostWith(limited(8, "50", "200")))).toEqual(limited(8, "50", "200"));
});

test("every field of what is inherited is compared by one row", () => {
  const compared = ROWS.flatMap(({ fields }) => fields);
  expect(compared.toSorted()).toEqual((Object.keys(hostWith()) as (keyof Inherited)[]).toSorted());
});
