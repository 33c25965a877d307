/** The pure parts of the supervisor: sentences, hosts' environments, ports. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import fc from "fast-check";
import { openStore } from "../../../src/state/store.ts";
import type { Asker, ExitReason } from "../../../src/state/types.ts";
import { describeEnd, describeStatus, makeTakenExit } from "../../../src/supervisor/launch/exit.ts";
import { HOST_MARK } from "../../../src/supervisor/launch/marks.ts";
import type { Ground } from "../../../src/supervisor/launch/types.ts";
import { checkPort, choosePort, isFree } from "../../../src/supervisor/port/port.ts";
import { callerEnvironment, cleanedForHosting, hostEnvironment } from "../../../src/supervisor/prepare/selfenv.ts";
import type { PortListener } from "../../../src/sys/process/identity.ts";
import { failure } from "../../kit/failure.ts";
import { makeScratch } from "../../kit/scratch.ts";
import { exitOf, recordOf } from "../../state/samples.ts";
import { fakeTable } from "../../sys/process/table.fake.ts";

const scratch = makeScratch();

describe("sentences", () => {
  const by = { by: "user" as const, pid: 7, command: "dt stop www" };
  const cases: [reason: ExitReason, code: number | null, signal: string | null, killed: number, text: string][] = [
    ["stopped", null, "SIGTERM", 0, "stopped by dt stop www (pid 7) after 1.2s"],
    [
      "stopped",
      null,
      "SIGKILL",
      1,
      "stopped by dt stop www (pid 7) after 1.2s; 1 process had to be killed with SIGKILL",
    ],
    [
      "replaced",
      null,
      "SIGKILL",
      3,
      "replaced by dt stop www (pid 7) after 1.2s; 3 processes had to be killed with SIGKILL",
    ],
    ["interrupted", null, "SIGINT", 0, "interrupted after 1.2s"],
    ["exited", 0, null, 0, "exited with code 0 after 1.2s"],
    ["failed", 3, null, 0, "failed with code 3 after 1.2s"],
    ["failed", null, "SIGSEGV", 0, "failed with signal SIGSEGV after 1.2s"],
    ["failed", null, null, 0, "failed with an exit status nobody saw after 1.2s"],
    ["start-failed", null, null, 0, "could not be started"],
    ["unknown", null, null, 0, "ended after about 1.2s; its host was gone, so how it ended is unknown"],
  ];
  for (const [reason, code, signal, killed, text] of cases) {
    test(text, () => {
      expect(describeEnd(exitOf({ reason, code, signal, by, uptimeMs: 1234 }), killed)).toBe(text);
    });
  }

  test("a reason comes after the time, which would belong to it otherwise", () => {
    const ended = (reason: ExitReason, asker: Partial<Asker>) =>
      describeEnd(exitOf({ reason, by: { ...by, ...asker }, uptimeMs: 1234 }), 0);
    expect(ended("stopped", { by: "owner", command: "sh" })).toBe(
      "stopped after 1.2s, as its owner has gone: sh (pid 7)",
    );
    expect(ended("replaced", { by: "policy", because: "a.ts changed" })).toBe(
      "restarted after 1.2s because a.ts changed",
    );
  });

  test("an unknown exit status is no success", () => {
    expect(describeStatus({ code: null, signal: null })).toBe("an exit status nobody saw");
  });

  test("a launch taken from its host is recorded as stopped or replaced, with who did it", () => {
    const record = recordOf({});
    const [stopped, replaced] = [by, { ...by, by: "rerun" as const }].map((one) =>
      makeTakenExit(record, { by: one, status: { code: null, signal: "SIGTERM" } }),
    );
    expect(stopped).toMatchObject({ key: record.key, token: record.token, reason: "stopped", signal: "SIGTERM" });
    expect(replaced).toMatchObject({ reason: "replaced" });
    expect(stopped?.text).toStartWith("stopped by dt stop www (pid 7) after ");
  });
});

describe("the environment of hosts", () => {
  const STEERING = [
    "BUN_OPTIONS",
    "BUN_BE_BUN",
    "BUN_INSPECT",
    "BUN_INSPECT_NOTIFY",
    "BUN_FEATURE_FLAG_X",
    "BUN_JSC_useJIT",
    "BUN_DESTRUCT_VM_ON_EXIT",
    "DIALTONE_KEY",
    "DIALTONE_TOKEN",
  ];
  const ORDINARY = [
    "PATH",
    "BUN_INSTALL",
    "MY_BUN_OPTIONS",
    "BUN_OPTIONS_X",
    "DIALTONE_HOME",
    "DIALTONE_ROOT",
    "NODE_OPTIONS",
  ];
  const all = Object.fromEntries([...STEERING, ...ORDINARY].map((name) => [name, `value of ${name}`]));

  test("a host starts marked, without variables that steer Bun and without a launch's identity", () => {
    expect(Object.keys(hostEnvironment(all, "/r")).sort()).toEqual([...ORDINARY, HOST_MARK].sort());
    expect(hostEnvironment(all, "/r")[HOST_MARK]).toBe("/r");
  });

  for (const name of STEERING) {
    test(`${name} alone makes dt start itself again`, () => {
      const cleaned = cleanedForHosting({ A: "1", [name]: "x" }, "/r");
      expect(Object.keys(cleaned ?? {})).not.toContain(name);
      expect(cleaned).toMatchObject({ A: "1", [HOST_MARK]: "/r" });
    });
  }

  test("dt does not start itself again with nothing to clean, or as a host", () => {
    expect(cleanedForHosting({ A: "1", GONE: undefined }, "/r")).toBeNull();
    expect(cleanedForHosting({ BUN_OPTIONS: "x", [HOST_MARK]: "/r" }, "/r")).toBeNull();
  });

  test("a variable may have any name", () => {
    const env = callerEnvironment(JSON.parse('{ "__proto__": "1", "constructor": "2", "7": "3" }'));
    expect(Object.entries(env).toSorted()).toEqual([
      ["7", "3"],
      ["__proto__", "1"],
      ["constructor", "2"],
    ]);
  });

  test("property: the person's environment comes back whole", () => {
    const name = fc.oneof(fc.constantFrom(...STEERING, ...ORDINARY), fc.stringMatching(/^[A-Z_]{1,6}$/));
    fc.assert(
      fc.property(fc.dictionary(name, fc.string()), (own) => {
        const cleaned = cleanedForHosting(own, "/r") ?? own;
        expect(callerEnvironment(cleaned)).toEqual({ ...own });
      }),
      { numRuns: 500 },
    );
  });
});

describe("ports", () => {
  function ground(ports: Record<string, number | null> = {}, more: Partial<Ground["table"]> = {}): Ground {
    const table = { ...fakeTable([{ pid: 5, env: { DIALTONE_KEY: "a:b:c" } }]), ...more };
    const directory = scratch();
    const store = openStore({ directory: join(directory, "run"), home: join(directory, "home"), table });
    store.prepare();
    for (const [key, port] of Object.entries(ports)) store.writeRecord(recordOf({ key, port }));
    const asked = { env: {}, cache: "", self: [], openFiles: null, lockBackend: undefined };
    return { ...asked, store, root: "/r", table, home: null };
  }

  const chosen = async (at: Ground, key: string, wanted: number | "auto" | null) =>
    (await choosePort(at, { key, wanted })).port;

  test("a launch's port is the declared one, or none", async () => {
    expect([await chosen(ground(), "a:b:c", 3000), await chosen(ground(), "a:b:c", null)]).toEqual([3000, null]);
  });

  test("an automatic port is stable for a root and key, different for another, free, and below the system's own range", async () => {
    const one = await chosen(ground(), "a:b:c", "auto");
    expect(await chosen(ground(), "a:b:c", "auto")).toBe(one);
    expect(await chosen({ ...ground(), root: "/other" }, "a:b:c", "auto")).not.toBe(one);
    expect(await chosen(ground(), "a:b:d", "auto")).not.toBe(one);
    expect(one).toBeGreaterThanOrEqual(20_000);
    expect(one).toBeLessThan(30_000);
    expect(isFree(one as number)).toBe(true);
  });

  test("an automatic port is no other launch's and not in use, but may be the launch's own old one", async () => {
    const one = (await chosen(ground(), "a:b:c", "auto")) as number;
    expect(await chosen(ground({ "x:y:z": one }), "a:b:c", "auto")).not.toBe(one);
    for (const hostname of ["127.0.0.1", "0.0.0.0", "::"]) {
      const listener = Bun.listen({ hostname, port: one, socket: { data() {} } });
      try {
        expect(isFree(one)).toBe(false);
        expect(await chosen(ground(), "a:b:c", "auto")).not.toBe(one);
        expect(await chosen(ground({ "a:b:c": one }), "a:b:c", "auto")).toBe(one);
      } finally {
        listener.stop(true);
      }
    }
  });

  test("another process on the port is named, with the launch it belongs to", () => {
    const on = (address: string, pids: number[], onlyIpv6 = false, uid: number | null = null) => ({
      address,
      onlyIpv6,
      uid,
      pids,
    });
    const cases: [listeners: PortListener[], say: string | null][] = [
      [[], null],
      [[on("127.0.0.1", [5])], "pid 5, a:b:c (command of 5) listens on it"],
      [[on("0.0.0.0", [5, 6])], "pid 5, a:b:c (command of 5) and pid 6 (command of 6) listen on it"],
      [[on("::", [6])], "pid 6 (command of 6) listens on it"],
      [[on("0.0.0.0", [])], "another user's process listens on it"],
      [
        [on("127.0.0.1", [], false, process.geteuid?.())],
        "a process of this user whose open files are hidden listens on it",
      ],
      [[on("127.0.0.1", [], false, 4242)], "another user's process (user id 4242) listens on it"],
      // On an address of its own it blocks no launch.
      [[on("127.0.0.53", [5]), on("::1", [6]), on("192.168.1.9", [5]), on("::", [5], true)], null],
    ];
    for (const [listeners, say] of cases) {
      const check = () => checkPort(ground({}, { listenersOn: () => listeners }), { key: "w:d:x", port: 3000 });
      if (say === null) check();
      else {
        const error = failure(check);
        expect(error).toMatchObject({
          code: "port-taken",
          details: { port: 3000, pids: listeners.flatMap((one) => one.pids) },
        });
        const since = /, started \w+( \w+)? ago(?=\))/g;
        expect(error.message.replace(since, "")).toBe(`w:d:x needs port 3000, but ${say}.`);
      }
    }
    checkPort(ground({}, { listenersOn: () => [on("0.0.0.0", [5])] }), { key: "w:d:x", port: null });
  });
});
