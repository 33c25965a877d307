/**
 * The run directory: what is written can be read, what does not parse is reported, and only what is absent is called
 * absent.
 */
import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join, relative } from "node:path";
import type { StackRecord } from "../../src/compose/types.ts";
import { isRemembered, listRootsIn, rememberRootIn } from "../../src/state/roots.ts";
import { type FileKind, openStore, type Store } from "../../src/state/store.ts";
import { rootSlug } from "../../src/sys/places/paths.ts";
import { makeSeal } from "../../src/sys/seal/seal.ts";
import { failure } from "../kit/failure.ts";
import { makeScratch } from "../kit/scratch.ts";
import { BOOT, type FakeProcess, fakeTable, NAMESPACE } from "../sys/process/table.fake.ts";
import { exitOf, historyOf, recordOf, wantOf } from "./samples.ts";

const scratch = makeScratch();
const KEY = "www:dev:default";
const STACK = {
  engine: "docker compose",
  file: "compose.yaml",
  profiles: [],
  project: "p-1",
  off: [],
  cwd: "/root",
} satisfies StackRecord;

function open(directory: string, home = scratch(), table = fakeTable([])) {
  return openStore({ directory, home, table });
}

function made(table = fakeTable([])) {
  const base = scratch();
  const [directory, home] = [join(base, ".dialtone", "run"), join(base, "home")];
  const store = open(directory, home, table);
  store.prepare();
  return { base, directory, home, store };
}

/** Of dt's own writing, whatever is in it. */
function leave(store: Store, kind: FileKind, value: object): void {
  writeFileSync(store.path(KEY, kind), store.seal.close(store.path(KEY, kind), value));
}

describe("preparing", () => {
  test("preparing makes private directories that git ignores, and can be repeated", () => {
    const { directory, store } = made();
    store.prepare();
    for (const place of [directory, join(directory, "launch")]) expect(statSync(place).mode & 0o777).toBe(0o700);
    expect(readFileSync(join(directory, "..", ".gitignore"), "utf8")).toBe("*\n");
  });

  test("a run directory elsewhere gets no .gitignore above it", () => {
    const parent = scratch();
    open(join(parent, "elsewhere")).prepare();
    expect(readdirSync(parent)).toEqual(["elsewhere"]);
  });

  test("preparing removes what a killed writer left long ago, in both directories", () => {
    const directory = join(scratch(), "run");
    for (const place of [directory, join(directory, "launch")]) {
      mkdirSync(place);
      const left = join(place, ".x.json.4000000.abc.tmp");
      writeFileSync(left, "");
      utimesSync(left, 1, 1);
    }
    writeFileSync(join(directory, ".x.json.4000000.new.tmp"), "");
    open(directory).prepare();
    expect(readdirSync(directory).sort()).toEqual([".x.json.4000000.new.tmp", "launch"]);
    expect(readdirSync(join(directory, "launch"))).toEqual([]);
  });

  const refused: [what: string, make: (root: string) => string, say: string][] = [
    [
      "a link for the run directory",
      (root) => {
        mkdirSync(join(root, ".dialtone"));
        mkdirSync(join(root, "elsewhere"));
        symlinkSync(join(root, "elsewhere"), join(root, ".dialtone", "run"));
        return join(root, ".dialtone", "run");
      },
      "is a symbolic link",
    ],
    [
      "a link for .dialtone",
      (root) => {
        mkdirSync(join(root, "elsewhere", "run"), { recursive: true });
        symlinkSync(join(root, "elsewhere"), join(root, ".dialtone"));
        return join(root, ".dialtone", "run");
      },
      "is a symbolic link",
    ],
    [
      "a file for the run directory",
      (root) => {
        mkdirSync(join(root, ".dialtone"));
        writeFileSync(join(root, ".dialtone", "run"), "");
        return join(root, ".dialtone", "run");
      },
      "should be a directory, but is a file",
    ],
    [
      "a file for .dialtone",
      (root) => {
        writeFileSync(join(root, ".dialtone"), "");
        return join(root, ".dialtone", "run");
      },
      "should be a directory, but is a file",
    ],
  ];
  for (const [what, make, say] of refused) {
    test(`${what} is refused, by looking as well`, () => {
      const directory = make(scratch());
      expect(failure(() => open(directory))).toMatchObject({ code: "unsafe-directory" });
      expect(failure(() => open(directory)).message).toContain(say);
    });
  }

  test("opening a missing store makes nothing", () => {
    const root = scratch();
    const store = open(join(root, ".dialtone", "run"), join(root, "home"));
    expect([store.keys(), store.record(KEY), readdirSync(root)]).toEqual([[], { is: "absent" }, []]);
  });
});

describe("what is written can be read", () => {
  test("a written record and its pid can be read", () => {
    const { directory, store } = made();
    const record = recordOf({});
    store.writeRecord(record);
    expect(store.record(KEY)).toEqual({ is: "there", value: record });
    expect(readFileSync(join(directory, `${KEY}.pid`), "utf8")).toBe(`${record.leader?.pid}\n`);
    expect(statSync(store.path(KEY, "record")).mode & 0o777).toBe(0o600);
    store.writeRecord({ ...record, leader: null });
    expect(existsSync(join(directory, `${KEY}.pid`))).toBe(false);
  });

  test("want, exit and history can be read; removing a record removes its own pid and history", () => {
    const { directory, store } = made();
    const [record, other] = [recordOf({}), recordOf({ token: "b".repeat(32) })];
    store.writeRecord(record);
    for (const value of [wantOf({}), wantOf({ want: "stopped" })]) {
      store.writeWant(value);
      expect(store.want(KEY)).toEqual({ is: "there", value });
    }
    store.writeExit(exitOf({}));
    expect(store.exit(KEY)).toEqual({ is: "there", value: exitOf({}) });
    for (const { token } of [record, other]) {
      store.writeHistory(historyOf({ token }));
      expect(store.history(token)).toEqual({ is: "there", value: historyOf({ token }) });
    }
    store.removeRecord(record);
    store.removeRecord(record);
    expect(readdirSync(directory).sort()).toEqual(["launch", `${KEY}.exit.json`, `${KEY}.want.json`]);
    expect(readdirSync(join(directory, "launch"))).toEqual([`${other.token}.json`]);
  });
});

describe("what is no record is unreadable, never absent", () => {
  const cases: [what: string, value: object | string, reason: RegExp][] = [
    ["empty", "", /JSON/],
    ["zeros, as after a power cut", "\0".repeat(200), /JSON/],
    ["no version", {}, /version undefined, this dt reads version 1/],
    ["a later version", { ...recordOf({}), version: 2 }, /version 2, this dt reads version 1/],
    ["another key's", recordOf({ key: "a:b:c" }), /describes a:b:c, not www:dev:default/],
    ["another key's by its parts", recordOf({ variant: "x" }), /describes www:dev:x/],
  ];
  for (const [what, value, reason] of cases) {
    test(what, () => {
      const { store } = made();
      if (typeof value === "string") writeFileSync(store.path(KEY, "record"), value);
      else leave(store, "record", value);
      const read = store.record(KEY);
      expect([read.is, "foreign" in read]).toEqual(["unreadable", false]);
      expect(read.is === "unreadable" ? read.reason : "").toMatch(reason);
    });
  }

  // Whoever wrote a record, each of its fields is checked.
  const fields: [what: string, change: Record<string, unknown>][] = [
    ["a token that is a path", { token: "../../../tmp/x" }],
    ["a pid of zero", { leader: { ...recordOf({}).host, pid: 0 } }],
    ["a pid that is negative", { leader: { ...recordOf({}).host, pid: -1 } }],
    ["a host without a start time", { host: { pid: 4 } }],
    ["a log that is no path", { log: "relative.log" }],
    ["a log with a zero byte", { log: "/a\0b" }],
    ["a root that is no path", { root: "" }],
    ["a port out of range", { port: 65_536 }],
    ["a signal that is none", { stop: { signal: "KILL; rm", timeoutMs: 1, spare: [] } }],
    ["a stack with an engine of its own", { stack: { ...STACK, engine: "/tmp/evil" } }],
    ["a stack that names words", { stack: { ...STACK, engine: ["sh", "-c", "evil"] } }],
    ["a stack whose project is an option", { stack: { ...STACK, project: "--file=/x" } }],
    ["a stack that is run nowhere", { stack: { ...STACK, cwd: "here" } }],
    ["a stack of an earlier dt", { stack: { project: "p", cwd: "/r", base: ["evil"], client: ["evil"], env: {} } }],
  ];
  test("the stack that the next rows change is valid itself", () => {
    const { store } = made();
    leave(store, "record", { ...recordOf({}), stack: STACK });
    expect(store.record(KEY)).toMatchObject({ is: "there", value: { stack: STACK } });
  });
  for (const [what, change] of fields) {
    test(`${what}, though the seal is right`, () => {
      const { store } = made();
      leave(store, "record", { ...recordOf({}), ...change });
      const read = store.record(KEY);
      expect([read.is, "foreign" in read]).toEqual(["unreadable", false]);
      expect(read.is === "unreadable" ? read.reason : "").toContain(`\`${Object.keys(change)[0]}\` is invalid`);
    });
  }

  test("a record cut off at any byte is unreadable", () => {
    const { store } = made();
    store.writeRecord(recordOf({}));
    const whole = readFileSync(store.path(KEY, "record"), "utf8");
    for (let length = 0; length < whole.trimEnd().length; length++) {
      writeFileSync(store.path(KEY, "record"), whole.slice(0, length));
      expect(store.record(KEY).is).toBe("unreadable");
    }
  });
});

describe("what this user's dt did not write is foreign", () => {
  const texts: [what: string, text: (path: string, directory: string) => string][] = [
    ["no seal", () => JSON.stringify(recordOf({}))],
    ["null", () => "null"],
    ["a number", () => "7"],
    ["a list", () => "[]"],
    ["another user's", (path, directory) => makeSeal(directory, scratch()).close(path, recordOf({}))],
  ];
  for (const [what, text] of texts) {
    test(what, () => {
      const { directory, store } = made();
      writeFileSync(store.path(KEY, "record"), text(store.path(KEY, "record"), directory));
      expect(store.record(KEY)).toMatchObject({ is: "unreadable", foreign: true });
      expect(store.keys()).toEqual([KEY]); // shown, all the same
    });
  }

  test("every kind of file is foreign without this user's seal", () => {
    const { base, directory, store } = made();
    const other = openStore({ directory, home: join(base, "another home"), table: fakeTable([]) });
    other.writeRecord(recordOf({}));
    other.writeWant(wantOf({}));
    other.writeExit(exitOf({}));
    other.writeHistory(historyOf({}));
    other.write("x.json", { version: 1 });
    const foreign = { is: "unreadable", foreign: true, reason: "not written by your dt, or changed since" } as const;
    const { token } = recordOf({});
    const read = (by: Store) => [
      by.record(KEY),
      by.want(KEY),
      by.exit(KEY),
      by.history(token),
      by.read("x.json", (value) => value),
    ];
    expect(read(store)).toEqual([foreign, foreign, foreign, foreign, foreign]);
    expect(read(other).map(({ is }) => is)).toEqual(["there", "there", "there", "there", "there"]);
  });

  test("a file in the place of another key's or another kind's is foreign", () => {
    const { directory, store } = made();
    store.writeExit(exitOf({}));
    store.writeHistory(historyOf({}));
    copyFileSync(store.path(KEY, "exit"), store.path("a:b:c", "exit"));
    copyFileSync(store.path(KEY, "exit"), store.path(KEY, "want"));
    copyFileSync(join(directory, "launch", `${historyOf({}).token}.json`), join(directory, "launch", "b.json"));
    for (const read of [store.exit("a:b:c"), store.want(KEY), store.history("b")])
      expect(read).toMatchObject({ is: "unreadable", foreign: true });
    expect(store.exit(KEY)).toMatchObject({ is: "there" });
  });

  const files: [what: string, make: (path: string, base: string) => void, says: string][] = [
    ["a link", (path, base) => symlinkSync(join(base, "precious"), path), "is a symbolic link"],
    ["a link to a device without an end", (path) => symlinkSync("/dev/zero", path), "is a symbolic link"],
    ["a pipe", (path) => expect(Bun.spawnSync(["mkfifo", path]).exitCode).toBe(0), "is a named pipe"],
    ["a file with another name", (path, base) => linkSync(join(base, "precious"), path), "has 2 names"],
    ["a directory", (path) => mkdirSync(path), "is a directory"],
  ];
  for (const [what, make, says] of files) {
    test(`${what} is not read, written, or removed with a record`, () => {
      const { base, store } = made();
      writeFileSync(join(base, "precious"), JSON.stringify(recordOf({})), { mode: 0o640 });
      make(store.path(KEY, "record"), base);
      const read = store.record(KEY);
      expect(read).toMatchObject({ is: "unreadable", foreign: true });
      expect(read.is === "unreadable" ? read.reason : "").toContain(says);
      expect(failure(() => store.writeRecord(recordOf({})))).toMatchObject({ code: "unsafe-file" });
      expect(readFileSync(join(base, "precious"), "utf8")).toBe(JSON.stringify(recordOf({})));
      expect(statSync(join(base, "precious")).mode & 0o777).toBe(0o640);
      store.setAside(KEY, "record");
      store.writeRecord(recordOf({}));
      expect(store.record(KEY)).toMatchObject({ is: "there" });
      expect(readFileSync(join(base, "precious"), "utf8")).toBe(JSON.stringify(recordOf({})));
    });
  }

  describe("of an earlier dt, whose records have no seal", () => {
    const host = { pid: 99, startTime: "1000", bootId: BOOT, pidNamespace: NAMESPACE };
    const leader = { ...host, pid: 100 };
    const root = scratch();
    const record = recordOf({ host, leader, root });
    const env = { DIALTONE_TOKEN: record.token, DIALTONE_KEY: KEY, DIALTONE_ROOT: root };
    const living: FakeProcess[] = [{ pid: 99 }, { pid: 100, ppid: 99, env }];
    const read = (
      processes: FakeProcess[],
      text = JSON.stringify(record),
      directory = join(root, ".dialtone", "run"),
    ) => {
      const store = open(directory, scratch(), fakeTable(processes));
      store.prepare();
      writeFileSync(store.path(KEY, "record"), text);
      return store.record(KEY);
    };

    test("an earlier dt's record is taken over while it is hosted and its leader carries its token, key and root", () => {
      expect(read(living)).toEqual({ is: "there", value: record });
      const elsewhere = join(scratch(), rootSlug(root)); // as with DIALTONE_RUN_DIR
      expect(read(living, JSON.stringify(record), elsewhere)).toEqual({ is: "there", value: record });
    });

    test("an earlier dt's record in a copy of the folder is foreign, whatever root the copy names", () => {
      const copy = scratch();
      const directory = join(copy, ".dialtone", "run");
      for (const text of [record, { ...record, root: copy }].map((one) => JSON.stringify(one)))
        expect(read(living, text, directory)).toMatchObject({ is: "unreadable", foreign: true });
    });

    const cases: [what: string, processes: FakeProcess[], text?: string][] = [
      ["nothing lives", []],
      ["its host is gone", [{ pid: 100, ppid: 1, env }]],
      ["its leader is gone", [{ pid: 99 }]],
      ["its leader is another's child", [{ pid: 99 }, { pid: 100, ppid: 98, env }]],
      ["its leader has another token", [{ pid: 99 }, { pid: 100, ppid: 99, env: { ...env, DIALTONE_TOKEN: "b" } }]],
      ["its leader has another key", [{ pid: 99 }, { pid: 100, ppid: 99, env: { ...env, DIALTONE_KEY: "a:b:c" } }]],
      ["its leader has no such environment", [{ pid: 99 }, { pid: 100, ppid: 99, env: {} }]],
      ["its leader's environment cannot be read", [{ pid: 99 }, { pid: 100, ppid: 99, env: null }]],
      ["its leader's pid was reused", [{ pid: 99 }, { pid: 100, ppid: 99, env, startTime: "2000" }]],
      [
        "its host's pid was reused",
        [
          { pid: 99, startTime: "2000" },
          { pid: 100, ppid: 99, env },
        ],
      ],
      ["its leader is another user's, or in a container", [{ pid: 99 }, { pid: 100, ppid: 99, env, isOthers: true }]],
      [
        "its host is another user's, or in a container",
        [
          { pid: 99, isOthers: true },
          { pid: 100, ppid: 99, env },
        ],
      ],
      ["it is larger than an earlier dt wrote", living, JSON.stringify({ ...record, args: ["x".repeat(70_000)] })],
      ["it has a seal that is wrong", living, JSON.stringify({ ...record, seal: {} })],
      ["it has no leader", living, JSON.stringify({ ...record, leader: null })],
      ["it is not whole", living, JSON.stringify({ ...record, log: "relative" })],
    ];
    for (const [what, processes, text] of cases) {
      test(`${what}: foreign`, () => {
        expect(read(processes, text)).toMatchObject({ is: "unreadable", foreign: true });
      });
    }

    describe("an earlier dt's host", () => {
      const history = historyOf({ ready: { is: "ready", at: "2026-01-02T03:04:05.678Z" } } as never);
      const said = (processes: FakeProcess[], value: object = history) => {
        const directory = join(root, ".dialtone", "run");
        const store = open(directory, scratch(), fakeTable(processes));
        store.prepare();
        writeFileSync(store.path(KEY, "record"), JSON.stringify(record));
        writeFileSync(join(directory, "launch", `${record.token}.json`), JSON.stringify(value));
        store.record(KEY);
        return store.history(record.token);
      };

      test("what an earlier dt's host writes is believed of a launch that was taken over, also after it let go", () => {
        expect(said(living)).toEqual({ is: "there", value: history });
      });

      const foreign: [what: string, processes: FakeProcess[], value?: object][] = [
        ["of a launch that is foreign", []],
        ["of another token", living, { ...history, token: "b".repeat(32) }],
        ["with a seal that is wrong", living, { ...history, seal: {} }],
        ["not whole", living, { ...history, ready: 1 }],
      ];
      for (const [what, processes, value] of foreign) {
        test(`${what}: foreign`, () => {
          expect(said(processes, value)).toMatchObject({ is: "unreadable", foreign: true });
        });
      }
    });

    test("a record that was taken over is written with a seal", () => {
      const { store } = made(fakeTable([]));
      store.writeRecord(record);
      expect(store.record(KEY)).toEqual({ is: "there", value: record });
    });
  });
});

describe("the folder was moved", () => {
  test("in a moved folder files are own, and name the new place where they named the old one", () => {
    const { base, home, store } = made();
    const paths = (at: string) => ({ root: at, cwd: join(at, "web"), log: join(at, ".dialtone/run", `${KEY}.log`) });
    store.writeRecord(recordOf(paths(base)));
    const { root: _, ...exited } = paths(base);
    store.writeExit(exitOf(exited));
    const moved = `${scratch()}/moved`;
    renameSync(base, moved);
    const there = open(join(moved, ".dialtone", "run"), join(moved, relative(base, home)));
    expect(there.record(KEY)).toEqual({ is: "there", value: recordOf(paths(moved)) });
    expect(there.exit(KEY)).toMatchObject({ is: "there", value: { cwd: join(moved, "web"), log: paths(moved).log } });
  });

  test("in a moved folder a log elsewhere stays where it is", () => {
    const { base, home, store } = made();
    store.writeRecord(recordOf({ root: base, cwd: "/srv", log: `${base}-else/x.log` }));
    const moved = `${scratch()}/moved`;
    renameSync(base, moved);
    const there = open(join(moved, ".dialtone", "run"), join(moved, relative(base, home)));
    expect(there.record(KEY)).toMatchObject({ value: { root: moved, cwd: "/srv", log: `${base}-else/x.log` } });
  });

  test("in a copied folder files are foreign, and own in the original", () => {
    const { base, home, store } = made();
    store.writeRecord(recordOf({}));
    const copy = join(scratch(), "copy");
    cpSync(base, copy, { recursive: true });
    expect(open(join(copy, ".dialtone", "run"), home).record(KEY)).toMatchObject({
      foreign: true,
      reason: `a copy of what your dt wrote in ${join(base, ".dialtone", "run")}`,
    });
    expect(store.record(KEY)).toMatchObject({ is: "there" });
  });
});

describe("what a launch was started with", () => {
  test("what a launch was started with is private and sealed in the home, not in the project, and goes with the record", () => {
    const { base, directory, home, store } = made();
    const record = recordOf({});
    const spec = { key: KEY, env: { SECRET: "only here" } };
    store.writeRecord(record);
    store.writeSpec(record.token, spec);
    const file = join(home, "launches", `${record.token}.spec`);
    expect([statSync(file).mode & 0o777, statSync(join(home, "launches")).mode & 0o777]).toEqual([0o600, 0o700]);
    expect(store.readSpec(record.token)).toEqual({ is: "there", value: spec });
    expect(Bun.spawnSync(["grep", "-r", "only here", join(base, ".dialtone")]).stdout.toString()).toBe("");
    // Of another root's launch of that token it says nothing.
    expect(open(join(base, "other"), home).readSpec(record.token)).toMatchObject({ is: "unreadable" });
    writeFileSync(file, JSON.stringify({ version: 1, runDirectory: directory, spec }));
    expect(store.readSpec(record.token)).toMatchObject({ is: "unreadable", foreign: true });
    store.removeRecord(record);
    expect(readdirSync(join(home, "launches"))).toEqual([]);
  });
});

describe("setting aside", () => {
  test("setting a file aside keeps its bytes under a telling name, and the key can be written again", () => {
    const { store } = made();
    writeFileSync(store.path(KEY, "record"), "junk");
    const aside = store.setAside(KEY, "record");
    expect(aside).toMatch(/www:dev:default\.meta\.json\.\d+\.corrupt$/);
    expect(readFileSync(aside, "utf8")).toBe("junk");
    expect(store.record(KEY)).toEqual({ is: "absent" });
    expect(store.keys()).toEqual([]);
  });

  test("setting a missing file aside is an error with the system's reason", () => {
    const { store } = made();
    expect(failure(() => store.setAside(KEY, "record"))).toMatchObject({
      code: "cannot-write",
      details: { path: store.path(KEY, "record"), errno: "ENOENT" },
    });
  });
});

test("keys with a record, an exit or a pid file are listed once each, in order", () => {
  const { directory, store } = made();
  for (const name of [
    "b:dev:default.meta.json",
    "b:dev:default.pid",
    "b:dev:default.exit.json",
    "a:dev:x.exit.json",
    "c:dev:default.pid",
    "d:dev:default.want.json",
    "e:dev:default.log",
    "f:dev:default.lock",
    "g:dev.meta.json",
    "junk.meta.json",
    "h:dev:default.meta.json.123.corrupt",
    ".i:dev:default.meta.json.12.abc.tmp",
    "j:de v:default.pid",
    "k:dev:default.meta.json.exit.json",
  ]) {
    writeFileSync(join(directory, name), "");
  }
  expect(store.keys()).toEqual(["a:dev:x", "b:dev:default", "c:dev:default", "k:dev:default.meta.json"]);
});

test("asking for room for a start leaves nothing behind", () => {
  const { directory, store } = made();
  store.checkSpace();
  expect(readdirSync(directory)).toEqual(["launch"]);
});

describe("roots", () => {
  test("each root has one small file, written once", () => {
    const [directory, one, other] = [join(scratch(), "roots"), scratch(), scratch()];
    rememberRootIn(directory, one);
    rememberRootIn(directory, other);
    const { ino } = statSync(join(directory, rootSlug(one)));
    rememberRootIn(directory, one);
    expect(readdirSync(directory).sort()).toEqual([rootSlug(one), rootSlug(other)].sort());
    expect(statSync(join(directory, rootSlug(one))).ino).toBe(ino);
    expect(statSync(join(directory, rootSlug(one))).mode & 0o777).toBe(0o600);
    expect(
      listRootsIn(directory)
        .map(({ root }) => root)
        .sort(),
    ).toEqual([one, other].sort());
    expect([isRemembered(directory, one), isRemembered(directory, scratch())]).toEqual([true, false]);
  });

  test("a root file that dt did not write, or of another folder in the root's place, does not count; a removed root does", () => {
    const [base, one, other] = [scratch(), scratch(), scratch()];
    const directory = join(base, "roots");
    rememberRootIn(directory, one);
    writeFileSync(join(directory, rootSlug(other)), `${other}\n`); // as an earlier dt did
    writeFileSync(join(directory, "planted"), JSON.stringify({ version: 1, root: other, ino: statSync(other).ino }));
    copyFileSync(join(directory, rootSlug(one)), join(directory, "again"));
    expect(listRootsIn(directory).map(({ root }) => root)).toEqual([one]);
    expect(isRemembered(directory, other)).toBe(false);
    rememberRootIn(directory, other);
    expect(isRemembered(directory, other)).toBe(true);
    renameSync(one, `${one}.aside`);
    expect(isRemembered(directory, one)).toBe(true);
    mkdirSync(one);
    expect(isRemembered(directory, one)).toBe(false);
    rmSync(`${one}.aside`, { recursive: true });
  });

  test("remembering a root in a home that cannot be written is no error", () => {
    const home = scratch();
    writeFileSync(join(home, "file"), "");
    rememberRootIn(join(home, "file", "roots"), home);
    chmodSync(home, 0o500);
    rememberRootIn(join(home, "roots"), home);
    chmodSync(home, 0o700);
  });
});
