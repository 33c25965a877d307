/**
 * A new run's log: earlier runs move on, nothing is followed out of the way, and what cannot be is refused beforehand.
 */
import { describe, expect, test } from "bun:test";
import {
  closeSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { checkLogPath, makeLogDirectory, openRun } from "../../src/logs/open.ts";
import { failure } from "../kit/failure.ts";
import { makeScratch } from "../kit/scratch.ts";

const scratch = makeScratch();

function runOnce(path: string, keep: number, text: string): void {
  const { fd, file } = openRun(path, { keep, mode: 0o600 });
  writeSync(fd, text);
  closeSync(fd);
  const { dev, ino } = statSync(path);
  expect(file).toEqual({ dev, ino });
}

function contents(directory: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(directory)
      .sort()
      .map((name) => [name, readFileSync(join(directory, name), "utf8")]),
  );
}

describe("openRun", () => {
  const cases: [keep: number, runs: number, left: Record<string, string>][] = [
    [0, 1, { log: "run 1" }],
    [0, 3, { log: "run 3" }],
    [1, 3, { log: "run 3", "log.1": "run 2" }],
    [5, 3, { log: "run 3", "log.1": "run 2", "log.2": "run 1" }],
    [5, 8, { log: "run 8", "log.1": "run 7", "log.2": "run 6", "log.3": "run 5", "log.4": "run 4", "log.5": "run 3" }],
  ];
  for (const [keep, runs, left] of cases) {
    test(`keeping ${keep}, after ${runs} ${runs === 1 ? "run" : "runs"}`, () => {
      const directory = scratch();
      for (let run = 1; run <= runs; run++) runOnce(join(directory, "log"), keep, `run ${run}`);
      expect(contents(directory)).toEqual(left);
    });
  }

  test("a missing log among the earlier runs is no error", () => {
    const directory = scratch();
    const path = join(directory, "log");
    writeFileSync(`${path}.3`, "three");
    runOnce(path, 5, "now");
    expect(contents(directory)).toEqual({ log: "now", "log.4": "three" });
  });

  test("the log's descriptor appends, and the file has the requested mode", () => {
    const path = join(scratch(), "log");
    const { fd } = openRun(path, { keep: 1, mode: 0o644 });
    writeSync(fd, "first ");
    writeFileSync(path, "other ", { flag: "a" });
    writeSync(fd, "second", 0);
    closeSync(fd);
    expect(readFileSync(path, "utf8")).toBe("first other second");
    expect(statSync(path).mode & 0o777 & ~0o022).toBe(0o644);
  });

  for (const keep of [0, 1]) {
    test(`a link in the log's place is moved or removed, never written through (keeping ${keep})`, () => {
      const directory = scratch();
      writeFileSync(join(directory, "precious"), "mine");
      symlinkSync("precious", join(directory, "log"));
      runOnce(join(directory, "log"), keep, "new");
      expect(readFileSync(join(directory, "precious"), "utf8")).toBe("mine");
      expect(readFileSync(join(directory, "log"), "utf8")).toBe("new");
      expect(existsSync(join(directory, "log.1"))).toBe(keep === 1);
    });
  }

  test("a directory in an earlier run's place, or a missing directory, is an error that names the log", () => {
    const directory = scratch();
    mkdirSync(join(directory, "log.1", "full"), { recursive: true });
    writeFileSync(join(directory, "log"), "old");
    const path = join(directory, "log");
    expect(failure(() => openRun(path, { keep: 1, mode: 0o600 }))).toMatchObject({
      code: "cannot-write",
      details: { path },
    });
    expect(readFileSync(path, "utf8")).toBe("old");
    const missing = join(directory, "nothing", "log");
    expect(failure(() => openRun(missing, { keep: 1, mode: 0o600 }))).toMatchObject({
      code: "cannot-write",
      details: { path: missing },
    });
  });
});

describe("checkLogPath", () => {
  const directory = scratch();
  writeFileSync(join(directory, "file"), "");
  symlinkSync("nowhere", join(directory, "dangling"));
  mkdirSync(join(directory, "folder"));
  for (const name of ["file", "new", "dangling"]) {
    test(`${name} is fine`, () => checkLogPath(join(directory, name)));
  }
  const refused: [path: string, say: string][] = [
    [join(directory, "nothing", "log"), "its directory does not exist"],
    [join(directory, "file", "log"), "its directory is not a directory"],
    [join(directory, "file", "below", "log"), "its directory does not exist"],
    [join(directory, "folder"), "is not a regular file"],
    ["/dev/null", "is not a regular file"],
  ];
  test("a log's missing directory is made, but not through a link that leads out, and not among dt's own files", () => {
    const root = join(scratch(), "root");
    mkdirSync(join(root, "real"), { recursive: true });
    mkdirSync(join(root, ".dialtone"));
    symlinkSync(directory, join(root, "out"));
    symlinkSync("real", join(root, "in"));
    symlinkSync("nothing", join(root, "dangling"));
    for (const path of ["a/b/c/log", "in/d/log"]) {
      checkLogPath(join(root, path), [root]);
      makeLogDirectory(join(root, path), [root]);
      openRun(join(root, path), { keep: 1, mode: 0o644 });
    }
    expect(statSync(join(root, "a/b")).mode & 0o777).toBe(0o755 & ~process.umask());
    expect(existsSync(join(root, "real/d/log"))).toBe(true);
    for (const path of ["out/x/log", "dangling/log", "dangling/x/log", ".dialtone/x/log", "../beside/log"]) {
      expect(failure(() => checkLogPath(join(root, path), [root])).message).toContain("its directory does not exist");
      makeLogDirectory(join(root, path), [root]);
      expect(existsSync(dirname(join(root, path)))).toBe(false);
    }
  });
  for (const [path, say] of refused) {
    test(`refused: ${say} (${path.replace(directory, "")})`, () => {
      const error = failure(() => checkLogPath(path));
      expect(error).toMatchObject({ code: "bad-log", hint: expect.any(String) });
      expect(error.message).toContain(say);
    });
  }
});
