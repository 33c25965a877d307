/** The run directory: what is written can be read, what does not parse is told, and nothing is taken for absent that is not. */
import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { rememberRootIn } from "../../src/state/roots.ts";
import { openStore } from "../../src/state/store.ts";
import type { DtError } from "../../src/sys/error.ts";
import { rootSlug } from "../../src/sys/paths.ts";
import { makeScratch } from "../scratch.ts";
import { exitOf, historyOf, recordOf, wantOf } from "./samples.ts";

const scratch = makeScratch();
const KEY = "www:dev:default";

function made() {
  const directory = join(scratch(), ".dialtone", "run");
  const store = openStore(directory);
  store.prepare();
  return { directory, store };
}

function failure(run: () => unknown): DtError {
  try {
    run();
  } catch (error) {
    return error as DtError;
  }
  throw new Error("it did not fail");
}

describe("preparing", () => {
  test("private directories, invisible to git, and again without harm", () => {
    const { directory, store } = made();
    store.prepare();
    for (const place of [directory, join(directory, "launch")]) expect(statSync(place).mode & 0o777).toBe(0o700);
    expect(readFileSync(join(directory, "..", ".gitignore"), "utf8")).toBe("*\n");
  });

  test("one elsewhere gets no .gitignore above it", () => {
    const parent = scratch();
    openStore(join(parent, "elsewhere")).prepare();
    expect(readdirSync(parent)).toEqual(["elsewhere"]);
  });

  test("clears what a killed writer left long ago, in both directories", () => {
    const { directory, store } = made();
    for (const place of [directory, join(directory, "launch")]) {
      const left = join(place, ".x.json.4000000.abc.tmp");
      writeFileSync(left, "");
      utimesSync(left, 1, 1);
    }
    writeFileSync(join(directory, ".x.json.4000000.new.tmp"), "");
    store.prepare();
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
      expect(failure(() => openStore(directory))).toMatchObject({ code: "unsafe-directory" });
      expect(failure(() => openStore(directory)).message).toContain(say);
    });
  }

  test("opening one that is not there makes nothing", () => {
    const root = scratch();
    const store = openStore(join(root, ".dialtone", "run"));
    expect([store.keys(), store.record(KEY), readdirSync(root)]).toEqual([[], { is: "absent" }, []]);
  });
});

describe("what is written can be read", () => {
  test("record and pid", () => {
    const { directory, store } = made();
    const record = recordOf({});
    store.writeRecord(record);
    expect(store.record(KEY)).toEqual({ is: "there", value: record });
    expect(readFileSync(join(directory, `${KEY}.pid`), "utf8")).toBe(`${record.leader?.pid}\n`);
    expect(statSync(store.path(KEY, "record")).mode & 0o777).toBe(0o600);
    store.writeRecord({ ...record, leader: null });
    expect(existsSync(join(directory, `${KEY}.pid`))).toBe(false);
  });

  test("want, exit, history; the record takes pid and history with it, and no other's", () => {
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
  const cases: [what: string, text: string, reason: RegExp][] = [
    ["empty", "", /JSON/],
    ["null", "null", /not an object/],
    ["a number", "7", /not an object/],
    ["a list", "[]", /version undefined|not an object/],
    ["no version", "{}", /version undefined, this dt reads version 1/],
    ["a later version", JSON.stringify({ ...recordOf({}), version: 2 }), /version 2, this dt reads version 1/],
    ["another key's", JSON.stringify(recordOf({ key: "a:b:c" })), /about a:b:c, not about www:dev:default/],
  ];
  for (const [what, text, reason] of cases) {
    test(what, () => {
      const { store } = made();
      writeFileSync(store.path(KEY, "record"), text);
      const read = store.record(KEY);
      expect(read.is).toBe("unreadable");
      expect(read.is === "unreadable" ? read.reason : "").toMatch(reason);
    });
  }

  test("a record cut off at any byte", () => {
    const { store } = made();
    store.writeRecord(recordOf({}));
    const whole = readFileSync(store.path(KEY, "record"), "utf8");
    for (let length = 0; length < whole.trimEnd().length; length++) {
      writeFileSync(store.path(KEY, "record"), whole.slice(0, length));
      expect(store.record(KEY).is).toBe("unreadable");
    }
  });
});

describe("setting aside", () => {
  test("keeps the bytes under a name that says so, and the key can be written anew", () => {
    const { store } = made();
    writeFileSync(store.path(KEY, "record"), "junk");
    const aside = store.setAside(KEY, "record");
    expect(aside).toMatch(/www:dev:default\.meta\.json\.\d+\.corrupt$/);
    expect(readFileSync(aside, "utf8")).toBe("junk");
    expect(store.record(KEY)).toEqual({ is: "absent" });
    expect(store.keys()).toEqual([]);
  });

  test("one that is not there is an error with the system's reason", () => {
    const { store } = made();
    expect(failure(() => store.setAside(KEY, "record"))).toMatchObject({
      code: "cannot-write",
      details: { path: store.path(KEY, "record"), errno: "ENOENT" },
    });
  });
});

test("keys are those with a record, an exit or a pid file, once each, in order", () => {
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

test("room for a start is asked for without leaving anything", () => {
  const { directory, store } = made();
  store.checkSpace();
  expect(readdirSync(directory)).toEqual(["launch"]);
});

describe("roots", () => {
  test("one small file each, written once", () => {
    const directory = join(scratch(), "roots");
    rememberRootIn(directory, "/a/root");
    rememberRootIn(directory, "/b/root");
    rememberRootIn(directory, "/a/root");
    expect(readdirSync(directory).sort()).toEqual([rootSlug("/a/root"), rootSlug("/b/root")].sort());
    expect(readFileSync(join(directory, rootSlug("/a/root")), "utf8")).toBe("/a/root\n");
  });

  test("a home that cannot be written is no error", () => {
    const home = scratch();
    writeFileSync(join(home, "file"), "");
    rememberRootIn(join(home, "file", "roots"), "/a/root");
    chmodSync(home, 0o500);
    rememberRootIn(join(home, "roots"), "/a/root");
    chmodSync(home, 0o700);
  });
});
