/** Each row of the table on top of src/sys/lock/lock.ts. */
import { afterEach, describe, expect, test } from "bun:test";
import {
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { DtError } from "../../../src/sys/base/error.ts";
import { tryFlock } from "../../../src/sys/files/flock.ts";
import { isHeld, takeHold } from "../../../src/sys/lock/hold.ts";
import {
  acquireLock,
  type HeldLock,
  LOCK_REASONS,
  type LockBackend,
  type LockHolder,
  type LockReason,
  type LockRequest,
  readHolder,
} from "../../../src/sys/lock/lock.ts";
import { identify, identifySelf, type ProcessEntry, type ProcessIdentity } from "../../../src/sys/process/identity.ts";
import { makeProcessTable } from "../../../src/sys/process/table.ts";
import { makeSeal } from "../../../src/sys/seal/seal.ts";
import { rejection } from "../../kit/failure.ts";
import { makeScratch } from "../../kit/scratch.ts";
import { REPOSITORY, until } from "../../kit.ts";
import { BOOT, fakeTable, NAMESPACE } from "../process/table.fake.ts";
import type { WorkerPlan } from "./lock.worker.ts";

const scratch = makeScratch();
const TABLE = makeProcessTable();
const HOME = scratch();
/** As of a process that has ended. */
const GONE: ProcessIdentity = { ...identifySelf(TABLE), startTime: "1" };
const BACKENDS: LockBackend[] = ["link", "excl"];

const children: Bun.Subprocess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill("SIGKILL");
    await child.exited;
  }
});

function sleeper(): number {
  const child = Bun.spawn(["sleep", "1000"], { stdio: ["ignore", "ignore", "ignore"] });
  children.push(child);
  return child.pid;
}

function identityOf(pid: number): ProcessIdentity {
  return identify(TABLE, TABLE.entry(pid) as ProcessEntry);
}

function request(directory: string, more: Partial<LockRequest> = {}): LockRequest {
  return {
    path: join(directory, "a:b:c.lock"),
    seal: makeSeal(directory, HOME),
    table: TABLE,
    doing: "start",
    command: "dt a b",
    timeoutMs: 0,
    ...more,
  };
}

function holderOf(path: string) {
  return readHolder(path, { seal: makeSeal(dirname(path), HOME) });
}

/** As the user's own dt would have written it to this path. */
function lockText(path: string, holder: ProcessIdentity, more: Record<string, unknown> = {}): string {
  return sealed(path, { ...lockOf(holder), ...more });
}

function sealed(path: string, value: object): string {
  return makeSeal(dirname(path), HOME).close(path, value);
}

function lockOf(holder: ProcessIdentity): LockHolder {
  return {
    version: 1,
    holder,
    nonce: "theirs",
    command: "dt a b -d",
    doing: "replace",
    since: "2026-01-02T03:04:05.678Z",
    backend: "link",
  };
}

function leave(directory: string, holder: ProcessIdentity): void {
  const path = join(directory, "a:b:c.lock");
  writeFileSync(path, lockText(path, holder));
}

describe("there is none", () => {
  for (const backend of [...BACKENDS, undefined]) {
    test(`a lock created by ${backend ?? "the default"} is removed by its release, and the guard stays`, async () => {
      const directory = scratch();
      const lock = await acquireLock(request(directory, { backend }));
      const written = JSON.parse(readFileSync(join(directory, "a:b:c.lock"), "utf8"));
      expect(written).toEqual({ ...lock.holder, holder: identifySelf(TABLE), seal: expect.anything() });
      expect(written).toMatchObject({ version: 1, backend: backend ?? "link", doing: "start", command: "dt a b" });
      expect(lock.broke).toBeNull();
      expect(readdirSync(directory).sort()).toEqual(["a:b:c.guard", "a:b:c.lock"]);
      lock.release();
      lock.release();
      expect(readdirSync(directory)).toEqual(["a:b:c.guard"]);
    });
  }
});

describe("left, and waited for", () => {
  const cases: [what: string, reason: LockReason, write: (path: string) => void, by: string | null][] = [
    ["holder alive", "held", (path) => writeFileSync(path, lockText(path, identityOf(sleeper()))), "theirs"],
    [
      "holder in another pid namespace",
      "unknown-holder",
      (path) => writeFileSync(path, lockText(path, { ...identityOf(sleeper()), pidNamespace: "pid:[1]" })),
      "theirs",
    ],
    [
      "a dead pid in another pid namespace",
      "unknown-holder",
      (path) =>
        writeFileSync(path, lockText(path, { ...identifySelf(TABLE), pid: 4_000_000, pidNamespace: "pid:[1]" })),
      "theirs",
    ],
    [
      "a lock of a later version",
      "unknown-holder",
      (path) => writeFileSync(path, sealed(path, { version: 2, owner: "new" })),
      null,
    ],
  ];
  for (const [what, reason, write, by] of cases) {
    for (const backend of BACKENDS) {
      test(`${what} (${backend})`, async () => {
        const directory = scratch();
        const path = join(directory, "a:b:c.lock");
        write(path);
        const text = readFileSync(path, "utf8");
        const before = holderOf(path);
        const error = await rejection(acquireLock(request(directory, { backend, timeoutMs: 30 })));
        expect(error).toMatchObject({ code: "lock-timeout", status: 4, details: { reason } });
        expect((error.details?.holder as LockHolder | null)?.nonce ?? null).toBe(by);
        expect(readFileSync(path, "utf8")).toBe(text);
        expect(holderOf(path)).toEqual(before);
        expect(readdirSync(directory).sort()).toEqual(["a:b:c.guard", "a:b:c.lock"]);
      });
    }
  }

  test("a lock of a dt with another home is waited for while the kernel shows that it is held", async () => {
    const directory = scratch();
    const theirs = await acquireLock(request(directory));
    const asked = request(directory, { seal: makeSeal(directory, scratch()), timeoutMs: 30 });
    expect(await rejection(acquireLock(asked))).toMatchObject({ code: "lock-timeout", details: { reason: "held" } });
    theirs.release();
    (await acquireLock(asked)).release();
  });

  for (const [what, write] of [
    ["no seal", (_: string, holder: object) => JSON.stringify(holder)],
    [
      "the seal of another secret",
      (path: string, holder: object) => makeSeal(dirname(path), scratch()).close(path, holder),
    ],
  ] as const)
    test(`a lock with ${what} is not believed, whatever living holder it names, and is moved aside`, async () => {
      const directory = scratch();
      const path = join(directory, "a:b:c.lock");
      writeFileSync(path, write(path, lockOf(identityOf(sleeper()))));
      const lock = await acquireLock(request(directory, { timeoutMs: 30 }));
      expect(lock.broke).toBe("foreign");
      lock.release();
      expect(readdirSync(directory).sort()).toEqual([
        "a:b:c.guard",
        expect.stringMatching(/^a:b:c\.lock\.\d+\.foreign$/),
      ]);
    });

  test("a lock that may be another user's, since the user's secret is broken, is an error", async () => {
    const [directory, home] = [scratch(), scratch()];
    const path = join(directory, "a:b:c.lock");
    const seal = makeSeal(directory, home);
    writeFileSync(path, seal.close(path, lockOf(identityOf(sleeper()))));
    const text = readFileSync(path, "utf8");
    writeFileSync(join(home, "secret"), "broken");
    const error = await rejection(acquireLock(request(directory, { seal: makeSeal(directory, home), timeoutMs: 30 })));
    expect(error).toMatchObject({ code: "lock-timeout", details: { reason: "unknown-holder", holder: null } });
    expect(readFileSync(path, "utf8")).toBe(text);
  });

  test.skipIf(process.getuid?.() !== 0)("a lock that may not be read is an error (needs root)", async () => {
    const directory = counting();
    const path = join(directory, "t:dev:default.lock");
    const home = scratch();
    writeFileSync(path, lockText(path, GONE), { mode: 0 });
    for (const one of [directory, home, path, join(directory, "counter")]) chownSync(one, 54321, 54321);
    const uid = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"];
    expect(await contendOnce(directory, 1, { home, timeoutMs: 20 }, uid)).toEqual(["REFUSED unknown-holder"]);
    expect(existsSync(path)).toBe(true);
  });

  test("the error of a held lock names its holder, since when, what it does and how long was waited", async () => {
    const directory = scratch();
    const pid = sleeper();
    leave(directory, identityOf(pid));
    const error = await rejection(acquireLock(request(directory, { timeoutMs: 25 })));
    expect(error.message).toBe(
      `Could not get the lock ${join(directory, "a:b:c.lock")} within 25 ms: pid ${pid} (dt a b -d) has held it since 2026-01-02T03:04:05.678Z, doing: replace.`,
    );
    expect(error.hint).toBe("Try again when it is done.");
  });

  test("a lock is acquired as soon as its holder releases it", async () => {
    const directory = scratch();
    const path = join(directory, "a:b:c.lock");
    writeFileSync(path, lockText(path, identityOf(sleeper())));
    const waiting = acquireLock(request(directory, { timeoutMs: 10_000 }));
    await until("it has looked", () => existsSync(join(directory, "a:b:c.guard")));
    unlinkSync(path);
    (await waiting).release();
  });

  test("a lock is acquired as soon as its holder is killed", async () => {
    const directory = scratch();
    const pid = sleeper();
    leave(directory, identityOf(pid));
    const waiting = acquireLock(request(directory, { timeoutMs: 10_000 }));
    await until("it has looked", () => existsSync(join(directory, "a:b:c.guard")));
    process.kill(pid, "SIGKILL");
    const lock = await waiting;
    expect(lock.broke).toMatchObject({ holder: { pid } });
    lock.release();
  });

  test("an abort ends the wait for a lock", async () => {
    const directory = scratch();
    leave(directory, identityOf(sleeper()));
    const stop = new AbortController();
    const waiting = rejection(acquireLock(request(directory, { timeoutMs: 60_000, signal: stop.signal })));
    stop.abort();
    expect(((await waiting) as Error).name).toBe("AbortError");
  });
});

describe("removed, and made anew by exactly one", () => {
  const cases: [what: string, text: (path: string) => string | Promise<string>, whose: boolean][] = [
    [
      "the holder is dead",
      async (path) => {
        const child = Bun.spawn(["sleep", "1000"], { stdio: ["ignore", "ignore", "ignore"] });
        const text = lockText(path, identityOf(child.pid));
        child.kill("SIGKILL");
        await child.exited;
        return text;
      },
      true,
    ],
    ["its pid was reused", (path) => lockText(path, { ...identityOf(sleeper()), startTime: "1" }), true],
    [
      "it was taken before the last boot",
      (path) => lockText(path, { ...identityOf(sleeper()), bootId: "another" }),
      true,
    ],
    ["it is empty", () => "", false],
    ["it is cut off", (path) => lockText(path, identifySelf(TABLE)).slice(0, 60), false],
    ["it is zeros, as after a power cut", () => "\0".repeat(200), false],
    ["it is no lock", (path) => sealed(path, {}), false],
    ["it is no lock either", (path) => sealed(path, { version: 1, holder: null }), false],
  ];
  for (const [what, makeText, whose] of cases) {
    for (const backend of BACKENDS) {
      test(`${what} (${backend})`, async () => {
        const directory = scratch();
        const path = join(directory, "a:b:c.lock");
        writeFileSync(path, await makeText(path));
        const lock = await acquireLock(request(directory, { backend }));
        if (whose) expect(lock.broke).toMatchObject({ nonce: "theirs", doing: "replace" });
        else expect(lock.broke).toBe("unreadable");
        expect(holderOf(join(directory, "a:b:c.lock"))).toMatchObject({ value: { nonce: lock.holder.nonce } });
        lock.release();
        expect(readdirSync(directory)).toEqual(["a:b:c.guard"]);
      });
    }
  }

  /**
   * Runs a second contender to its end at the moment at which the first has read the stale lock and judges its holder.
   */
  async function meetInTheMiddle(backend: LockBackend, meanwhile: (directory: string) => void) {
    const directory = scratch();
    leave(directory, { pid: 4242, startTime: "1", bootId: BOOT, pidNamespace: NAMESPACE });
    // The two differ by their start times, and each sees the other alive.
    const second = fakeTable([], { pid: process.pid, startTime: "222" });
    const first = fakeTable([], { pid: process.pid, startTime: "111" });
    let other: Promise<HeldLock | DtError> | null = null;
    first.onEntry = (pid) => {
      if (pid !== 4242 || other !== null) return;
      meanwhile(directory);
      other = acquireLock(request(directory, { table: second, backend })).catch((error) => error);
    };
    const mine = await acquireLock(request(directory, { table: first, backend })).catch((error) => error);
    return {
      directory,
      mine: mine as HeldLock | DtError,
      other: await (other as unknown as Promise<HeldLock | DtError>),
    };
  }

  const isHeld = (one: HeldLock | DtError): one is HeldLock => "release" in one;

  for (const backend of BACKENDS) {
    test(`a second contender in the middle of the breaking is kept out (${backend})`, async () => {
      const { mine, other } = await meetInTheMiddle(backend, () => {});
      expect([isHeld(mine), isHeld(other)]).toEqual([true, false]);
      expect((other as DtError).code).toBe("lock-timeout");
    });

    for (const [how, replace] of [
      ["removed", (guard: string) => unlinkSync(guard)],
      [
        "replaced",
        (guard: string) => {
          writeFileSync(`${guard}.new`, "");
          renameSync(`${guard}.new`, guard);
        },
      ],
    ] as const) {
      test(`when the guard is ${how} in the middle of the breaking, only the holder of the new guard breaks the lock (${backend})`, async () => {
        const { directory, mine, other } = await meetInTheMiddle(backend, (at) => replace(join(at, "a:b:c.guard")));
        expect([isHeld(mine), isHeld(other)]).toEqual([false, true]);
        expect(holderOf(join(directory, "a:b:c.lock"))).toMatchObject({
          value: { nonce: (other as HeldLock).holder.nonce },
        });
      });
    }
  }

  test("with the guard removed a held lock still excludes others, and its release touches nothing else", async () => {
    const directory = scratch();
    const pid = sleeper();
    leave(directory, identityOf(pid));
    writeFileSync(join(directory, "a:b:c.guard"), "");
    unlinkSync(join(directory, "a:b:c.guard"));
    expect((await rejection(acquireLock(request(directory)))).details?.reason).toBe("held");
  });
});

describe("foreign: moved aside as it is, and nothing it says is believed", () => {
  const cases: [what: string, make: (path: string) => void][] = [
    ["no seal, and its holder is gone", (path) => writeFileSync(path, JSON.stringify(lockOf(GONE)))],
    [
      "no seal, and it names a process that was started at another time",
      (path) => writeFileSync(path, JSON.stringify(lockOf({ ...identityOf(sleeper()), startTime: "1" }))),
    ],
    [
      "no seal, and it names a process of another boot",
      (path) => writeFileSync(path, JSON.stringify(lockOf({ ...identityOf(sleeper()), bootId: "another" }))),
    ],
    [
      "no seal, and it names a process of another pid namespace",
      (path) => writeFileSync(path, JSON.stringify(lockOf({ ...identityOf(sleeper()), pidNamespace: "pid:[1]" }))),
    ],
    ["no seal, and a later version", (path) => writeFileSync(path, JSON.stringify({ version: 2, owner: "new" }))],
    ["no lock and no seal", (path) => writeFileSync(path, "null")],
    ["no lock and no seal either", (path) => writeFileSync(path, "{}")],
    [
      "the seal of another secret",
      (path) => writeFileSync(path, makeSeal(dirname(path), scratch()).close(path, lockOf(GONE))),
    ],
    [
      "the lock of another key under this name",
      (path) => writeFileSync(path, lockText(join(dirname(path), "x:y:z.lock"), GONE)),
    ],
    ["the lock of a copied folder", (path) => writeFileSync(path, lockText(join(scratch(), "a:b:c.lock"), GONE))],
    [
      "a link to a file",
      (path) => {
        writeFileSync(join(dirname(path), "precious"), "mine");
        symlinkSync(join(dirname(path), "precious"), path);
      },
    ],
    ["a link to nothing", (path) => symlinkSync("/nothing/there", path)],
    ["a link to a device without an end", (path) => symlinkSync("/dev/zero", path)],
    ["a pipe without a writer", (path) => expect(Bun.spawnSync(["mkfifo", path]).exitCode).toBe(0)],
    [
      "a file with another name elsewhere",
      (path) => {
        writeFileSync(join(dirname(path), "precious"), "mine");
        linkSync(join(dirname(path), "precious"), path);
      },
    ],
    ["a directory", (path) => mkdirSync(path)],
  ];
  for (const [what, make] of cases) {
    for (const backend of BACKENDS) {
      test(`${what} (${backend})`, async () => {
        const directory = scratch();
        const path = join(directory, "a:b:c.lock");
        make(path);
        const { ino } = lstatSync(path);
        expect(holderOf(path)).toMatchObject({ is: "unreadable", foreign: true });
        const lock = await acquireLock(request(directory, { backend }));
        expect(lock.broke).toBe("foreign");
        expect(holderOf(path)).toMatchObject({ value: { nonce: lock.holder.nonce } });
        lock.release();
        const left = readdirSync(directory)
          .filter((name) => name !== "precious")
          .sort();
        expect(left).toEqual(["a:b:c.guard", expect.stringMatching(/^a:b:c\.lock\.\d+\.foreign$/)]);
        expect(lstatSync(join(directory, left[1] as string)).ino).toBe(ino);
        if (existsSync(join(directory, "precious")))
          expect(readFileSync(join(directory, "precious"), "utf8")).toBe("mine");
      });
    }
  }
});

describe("release", () => {
  test("release leaves a lock that belongs to another process by now", async () => {
    const directory = scratch();
    const path = join(directory, "a:b:c.lock");
    const lock = await acquireLock(request(directory));
    writeFileSync(path, lockText(path, identityOf(sleeper())));
    lock.release();
    expect(holderOf(path)).toMatchObject({ value: { nonce: "theirs" } });
  });

  test("release is silent when the run directory was removed meanwhile", async () => {
    const directory = join(scratch(), "run");
    mkdirSync(directory);
    const lock = await acquireLock(request(directory));
    renameSync(directory, `${directory}.gone`);
    lock.release();
    expect(existsSync(directory)).toBe(false);
  });
});

describe("a lock that cannot be removed when it is released", () => {
  /** In the run directory of a project, which is put aside with a link in its place. */
  async function released() {
    const top = scratch();
    const directory = join(top, "project/.dialtone/run");
    mkdirSync(directory, { recursive: true });
    mkdirSync(join(top, "elsewhere"));
    const lock = await acquireLock(request(directory));
    renameSync(directory, `${directory}.kept`);
    symlinkSync(join(top, "elsewhere"), directory);
    lock.release();
    const back = () => {
      unlinkSync(directory);
      renameSync(`${directory}.kept`, directory);
    };
    return { directory, path: join(directory, "a:b:c.lock"), back };
  }

  test("a released lock whose file stays is stale to this process at once", async () => {
    const { directory, path, back } = await released();
    back();
    const again = await acquireLock(request(directory));
    expect(again.broke).toMatchObject({ holder: { pid: process.pid } });
    // The removal that is tried again is the released lock's, and this is another: one released later is removed later.
    const later = await released();
    later.back();
    await until("the later one is removed", () => !existsSync(later.path));
    expect(holderOf(path)).toMatchObject({ value: { nonce: again.holder.nonce } });
    again.release();
  });

  test("a released lock whose file stays is removed once that is possible, for those who wait", async () => {
    const { path, back } = await released();
    back();
    expect(existsSync(path)).toBe(true);
    await until("it is removed", () => !existsSync(path));
  });

  test.each([
    ["put aside", () => {}],
    ["put aside, with another in its place", (directory: string) => mkdirSync(directory)],
  ])(
    "a released lock whose directory was %s is stale to this process, and removed when the directory is back",
    async (_, instead) => {
      const directory = join(scratch(), "run");
      mkdirSync(directory);
      for (const wait of [false, true]) {
        const lock = await acquireLock(request(directory));
        renameSync(directory, `${directory}.kept`);
        instead(directory);
        lock.release();
        if (existsSync(directory)) rmdirSync(directory);
        renameSync(`${directory}.kept`, directory);
        if (wait) await until("it is removed", () => !existsSync(join(directory, "a:b:c.lock")));
        (await acquireLock(request(directory))).release();
      }
    },
  );

  test("a released lock whose directory was moved is removed where it is now", async () => {
    const top = scratch();
    const place = { directory: join(top, "run") };
    mkdirSync(place.directory);
    const path = () => join(place.directory, "a:b:c.lock");
    const lock = await acquireLock(request(place.directory, { path, seal: makeSeal(() => place.directory, HOME) }));
    renameSync(place.directory, join(top, "moved"));
    place.directory = join(top, "moved");
    expect(existsSync(path())).toBe(true);
    lock.release();
    expect(existsSync(path())).toBe(false);
  });
});

describe("reasons", () => {
  test("within one process, too, the holder is named", async () => {
    const directory = scratch();
    const lock = await acquireLock(request(directory));
    const error = await rejection(acquireLock(request(directory, { timeoutMs: 20 })));
    expect(error.details?.reason).toBe("held");
    expect(error.message).toContain(`pid ${process.pid} `);
    lock.release();
  });

  test("the reason is guard-busy when only the guard was ever held", async () => {
    const directory = scratch();
    const guard = tryFlock(join(directory, "a:b:c.guard"));
    const error = await rejection(acquireLock(request(directory, { timeoutMs: 20 })));
    expect(error.details?.reason).toBe("guard-busy");
    if (guard.is === "held") guard.lock.release();
  });

  test("the holder is named even when the last try met a busy guard", async () => {
    const directory = scratch();
    const pid = sleeper();
    leave(directory, identityOf(pid));
    const guard = tryFlock(join(directory, "a:b:c.guard"));
    const error = await rejection(acquireLock(request(directory, { timeoutMs: 20 })));
    expect(error.details).toMatchObject({ reason: "held", holder: { holder: { pid } } });
    if (guard.is === "held") guard.lock.release();
  });

  test("docs/locks.md has a row for each reason, and is in the navigation", () => {
    const page = readFileSync(join(REPOSITORY, "docs", "locks.md"), "utf8");
    const rows = [...page.matchAll(/^\| `([\w-]+)` \|/gm)].map((match) => match[1] as string);
    for (const reason of Object.keys(LOCK_REASONS)) expect(rows).toContain(reason);
    expect(readFileSync(join(REPOSITORY, "docs", "nav.json"), "utf8")).toContain('"locks.md"');
  });

  test("each reason is a whole clause, with and without a holder", () => {
    const holder = lockOf(identifySelf(TABLE));
    for (const { why, hint } of Object.values(LOCK_REASONS)) {
      for (const by of [holder, null]) {
        expect(why(by, "/l")).toMatch(/^\S.*[^.\s]$/);
        expect(hint(by, "/l")).toMatch(/^[A-Z].*\.$/);
      }
    }
  });
});

/** Contenders as processes of their own, which all begin at once. */
async function contendOnce(
  directory: string,
  count: number,
  more: Partial<WorkerPlan>,
  under: string[] = [],
): Promise<string[]> {
  const gate = join(directory, "go");
  const workers = Array.from({ length: count }, (_, at) => {
    const plan: WorkerPlan = {
      directory,
      home: HOME,
      name: String(at),
      rounds: 1,
      backend: null,
      deny: [],
      gate,
      ...more,
    };
    const worker = [process.execPath, join(import.meta.dir, "lock.worker.ts"), JSON.stringify(plan)];
    const child = Bun.spawn([...under, ...worker], {
      stdio: ["ignore", "inherit", "inherit"],
    });
    children.push(child);
    return child;
  });
  await until("all are at the gate", () => workers.every((_, at) => existsSync(join(directory, `ack.${at}`))), 30_000);
  writeFileSync(gate, "");
  await Promise.all(workers.map((worker) => worker.exited));
  return workers.map((_, at) => readFileSync(join(directory, `ack.${at}`), "utf8").trim());
}

function counting(): string {
  const directory = scratch();
  writeFileSync(join(directory, "counter"), "0".repeat(12));
  return directory;
}

describe("16 processes at once", () => {
  for (const [what, makeText] of [
    ["an empty lock", () => ""],
    ["a stale lock", (path: string) => lockText(path, GONE)],
  ] as const) {
    for (const backend of BACKENDS) {
      test(`${what} is broken by exactly one (${backend})`, async () => {
        const directory = counting();
        const path = join(directory, "t:dev:default.lock");
        writeFileSync(path, makeText(path));
        const notes = await contendOnce(directory, 16, { backend });
        const rows = notes.map((note) => note.split(" "));
        expect(rows.map(([count]) => Number(count)).sort((a, b) => a - b)).toEqual(
          Array.from({ length: 16 }, (_, at) => at + 1),
        );
        expect(rows.filter((row) => row[2] === "1")).toHaveLength(1);
        expect(rows.find((row) => row[2] === "1")?.[0]).toBe("1");
      }, 60_000);
    }
  }
});

describe("no flock on this file system", () => {
  test("without flock a lock is created and excludes others", async () => {
    const directory = counting();
    const notes = await contendOnce(directory, 4, { deny: ["flock"], rounds: 20 });
    const counts = notes.flatMap((note) => note.split("\n").map((line) => Number(line.split(" ")[0])));
    expect(counts.sort((a, b) => a - b)).toEqual(Array.from({ length: 80 }, (_, at) => at + 1));
  }, 30_000);

  for (const [what, makeText] of [
    ["a stale lock", (path: string) => lockText(path, GONE)],
    ["an empty lock", () => ""],
  ] as const) {
    test(`without flock ${what} is left, with the reason no-guard`, async () => {
      const directory = counting();
      const path = join(directory, "t:dev:default.lock");
      const text = makeText(path);
      writeFileSync(path, text);
      expect(await contendOnce(directory, 1, { deny: ["flock"], timeoutMs: 20 })).toEqual(["REFUSED no-guard"]);
      expect(readFileSync(path, "utf8")).toBe(text);
    });
  }
});

test("without hard links the lock is created exclusively, and says so", async () => {
  expect(await contendOnce(counting(), 1, { deny: ["link"] })).toEqual(["1 excl 0"]);
});

test("a forced backend that does not work is an error, and no other backend is used", async () => {
  const directory = counting();
  expect(await contendOnce(directory, 1, { deny: ["link"], backend: "link" })).toEqual(["REFUSED undefined"]);
  expect(existsSync(join(directory, "t:dev:default.lock"))).toBe(false);
  expect(readdirSync(directory).filter((name) => name.endsWith(".tmp"))).toEqual([]);
});

test("a full or read-only disk refuses new locks with its reason, and held ones still count", async () => {
  const directory = scratch();
  const script = `mount -t tmpfs -o size=64k,mode=700 none "$1" || exit 77; exec "$2" "$3" "$1" "$4"`;
  const scenario = join(import.meta.dir, "lock.fulldisk.ts");
  const child = Bun.spawnSync(["unshare", "-m", "sh", "-c", script, "sh", directory, process.execPath, scenario, HOME]);
  if (child.exitCode === 77 || /unshare/.test(child.stderr.toString())) {
    console.error("skipped: this machine does not let us mount a small tmpfs");
    return;
  }
  expect(child.stderr.toString()).toBe("");
  const refused = { left: ["a:b:c.guard", "filler"] };
  expect(JSON.parse(child.stdout.toString())).toEqual({
    "full link": "cannot-write",
    "full link, left": refused.left,
    "full excl": "cannot-write",
    "full excl, left": refused.left,
    "full either": "cannot-write",
    "full either, left": refused.left,
    "full, even unwritten": ["held", "guard-busy", "guard-busy", "held", false],
    "full, held by another": ["held", "held"],
    "read-only, held by another": ["held", "held"],
    "read-only, even unwritten": ["held", "guard-busy", "guard-busy", "held", false],
    "read-only": "cannot-write",
    "read-only, no guard yet": "cannot-write",
  });
});

describe("turns within one process", () => {
  test("those who wait get the lock in the order in which they asked, also when some give up", async () => {
    const directory = scratch();
    const first = await acquireLock(request(directory));
    const got: number[] = [];
    const givesUp = new AbortController();
    const waiting = [1, 2, 3, 4].map(async (number) => {
      const signal = number === 2 ? givesUp.signal : undefined;
      const lock = await acquireLock(request(directory, { timeoutMs: 60_000, signal }));
      got.push(number);
      lock.release();
    });
    givesUp.abort();
    first.release();
    await Promise.allSettled(waiting);
    expect(got).toEqual([1, 3, 4]);
  });

  test("one that leaves in its turn passes it on", async () => {
    const directory = scratch();
    const first = await acquireLock(request(directory));
    const leaves = new AbortController();
    const one = acquireLock(request(directory, { timeoutMs: 60_000, signal: leaves.signal }));
    const next = acquireLock(request(directory, { timeoutMs: 60_000 }));
    // Its turn has come, but another process is at work on the lock, and then it is called off.
    const guard = tryFlock(join(directory, "a:b:c.guard"));
    first.release();
    leaves.abort();
    expect(String((await rejection(one)).name)).toBe("AbortError");
    if (guard.is === "held") guard.lock.release();
    (await next).release();
  });
});

describe.if(process.platform === "linux")("holds of one process in one file", () => {
  const [ONE, OTHER] = ["1".repeat(32), "2".repeat(32)];

  test("they share a descriptor, and each is let go by itself", () => {
    const path = join(scratch(), "holds");
    const before = readdirSync("/proc/self/fd").length;
    const one = takeHold(path, ONE);
    const other = takeHold(path, OTHER);
    expect(readdirSync("/proc/self/fd").length).toBe(before + 1);
    expect([isHeld(path, ONE), isHeld(path, OTHER)]).toEqual([true, true]);
    one?.release();
    expect([isHeld(path, ONE), isHeld(path, OTHER)]).toEqual([false, true]);
    other?.release();
    expect([isHeld(path, ONE), isHeld(path, OTHER)]).toEqual([false, false]);
    expect(readdirSync("/proc/self/fd").length).toBe(before);
  });

  test("a hold in a file that was replaced meanwhile is in the new one", () => {
    const path = join(scratch(), "holds");
    const one = takeHold(path, ONE);
    unlinkSync(path);
    const other = takeHold(path, OTHER);
    expect([isHeld(path, ONE), isHeld(path, OTHER)]).toEqual([false, true]);
    one?.release();
    expect(isHeld(path, OTHER)).toBe(true);
    other?.release();
  });
});
