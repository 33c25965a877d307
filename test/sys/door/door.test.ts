/**
 * Each row of the table on top of src/sys/door/door.ts: what is at the path, and what reading, writing, appending and
 * removing make of it.
 */
import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { DtError } from "../../../src/sys/base/error.ts";
import { checkOwn, openOwn, openOwnForOthers, readOwn } from "../../../src/sys/door/door.ts";
import { readTemporaryName, temporaryName } from "../../../src/sys/door/temporaryname.ts";
import { appendLine, createWhole, writeOwn } from "../../../src/sys/files/filewrite.ts";
import { removeOwn } from "../../../src/sys/files/removal.ts";
import { readOwnText } from "../../../src/sys/seal/sealed.ts";
import { failure } from "../../kit/failure.ts";
import { makeScratch } from "../../kit/scratch.ts";
import type { Seen } from "./door.worker.ts";

const scratch = makeScratch();
const isRoot = process.getuid?.() === 0;
if (!isRoot) console.error("skipped: what belongs to another user needs root");

/** Each way through the door that may change something. */
const CHANGES: Record<string, (path: string) => void> = {
  write: (path) => writeOwn(path, { text: "new", durable: false }),
  append: (path) => appendLine(path, "more"),
  remove: removeOwn,
  check: checkOwn,
  "open to write": (path) => closeSync(openOwn(path, { flags: constants.O_RDWR | constants.O_CREAT })),
  "open for another program": (path) =>
    closeSync(openOwnForOthers(path, { flags: constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT })),
};

function place() {
  const directory = scratch();
  const [path, precious] = [join(directory, "state"), join(directory, "precious")];
  writeFileSync(precious, "mine", { mode: 0o640 });
  return { directory, path, precious };
}

test("a missing file is absent to a reader and a remover, and a writer makes it private and exclusively", () => {
  const { path } = place();
  expect(failure(() => readOwn(path)).code).toBe("ENOENT");
  expect(readOwnText(path)).toEqual({ is: "absent" });
  expect(readOwnText(join(path, "below"))).toEqual({ is: "absent" });
  removeOwn(path);
  checkOwn(path);
  for (const how of ["write", "append", "open to write", "open for another program"]) {
    CHANGES[how]?.(path);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    unlinkSync(path);
  }
});

test("a regular file of this user is read, written whole, appended to and removed", () => {
  const { directory, path } = place();
  for (const text of ["", "one", "é€😀\0\n", "x".repeat(3_000_000)]) {
    writeOwn(path, { text, durable: false });
    expect(readOwn(path).toString()).toBe(text);
  }
  writeOwn(path, { text: "one\n" });
  appendLine(path, "two\n");
  const fd = openOwnForOthers(path, { flags: constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT });
  writeSync(fd, "three\n");
  closeSync(fd);
  expect(readOwnText(path)).toEqual({ is: "there", value: "one\ntwo\nthree\n" });
  removeOwn(path);
  expect(readdirSync(directory)).toEqual(["precious"]);
});

test.skipIf(process.platform !== "linux")(
  "a descriptor for another program waits as a file's does, and is close-on-exec",
  () => {
    const { path } = place();
    const fd = openOwnForOthers(path, { flags: constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT });
    try {
      const flags = Number.parseInt(
        /flags:\s+(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1] ?? "",
        8,
      );
      expect(flags & constants.O_NONBLOCK).toBe(0);
      expect(flags & constants.O_APPEND).toBe(constants.O_APPEND);
      expect(flags & 0o2000000).toBe(0o2000000);
    } finally {
      closeSync(fd);
    }
  },
);

describe("refused, by looking as well, and nothing is changed", () => {
  const cases: [what: string, make: (path: string, precious: string) => void, says: string][] = [
    ["a symbolic link to a file", (path, precious) => symlinkSync(precious, path), "is a symbolic link"],
    ["a relative link", (path) => symlinkSync("precious", path), "is a symbolic link"],
    ["a link to nothing", (path) => symlinkSync(`${path}.nothing`, path), "is a symbolic link"],
    ["a link to itself", (path) => symlinkSync(path, path), "is a symbolic link"],
    ["a link to a device without an end", (path) => symlinkSync("/dev/zero", path), "is a symbolic link"],
    ["a link to a directory", (path, precious) => symlinkSync(join(precious, ".."), path), "is a symbolic link"],
    ["a pipe", (path) => expect(Bun.spawnSync(["mkfifo", path]).exitCode).toBe(0), "is a named pipe"],
    ["a directory", (path) => mkdirSync(path), "is a directory"],
    [
      "a socket",
      (path) => expect(Bun.spawnSync(["perl", "-MIO::Socket::UNIX", "-e", SOCKET, path]).exitCode).toBe(0),
      "is a socket",
    ],
    ["a file with another name", (path, precious) => linkSync(precious, path), "has 2 names (hard links, such as"],
    [
      "a file of elsewhere whose other name there is like a temporary's",
      (path, precious) => {
        mkdirSync(`${path}.d`);
        linkSync(precious, join(`${path}.d`, ".state.1.abc.tmp"));
        linkSync(precious, path);
      },
      "has 3 names",
    ],
    [
      "a file of elsewhere that has a temporary's name here too",
      (path, precious) => {
        linkSync(precious, path);
        linkSync(precious, join(path, "..", ".state.1.abc.tmp"));
      },
      "has 3 names",
    ],
    [
      "a file with another file's temporary for its other name",
      (path) => {
        writeFileSync(path, "x");
        linkSync(path, join(path, "..", ".other.1.abc.tmp"));
      },
      "has 2 names",
    ],
  ];
  if (isRoot) {
    cases.push(
      ["a device", (path) => expect(Bun.spawnSync(["mknod", path, "c", "1", "5"]).exitCode).toBe(0), "is a device"],
      [
        "a file of another user, in a directory of one's own",
        (path) => {
          writeFileSync(path, "theirs");
          chownSync(path, 54321, 54321);
        },
        "belongs to uid 54321",
      ],
    );
  }
  for (const [what, make, says] of cases) {
    test(what, () => {
      const { directory, path, precious } = place();
      make(path, precious);
      const before = [readdirSync(directory), lstatSync(path).ino, lstatSync(path).mode, lstatSync(path).uid];
      for (const [how, run] of [["read", (at: string) => void readOwn(at)] as const, ...Object.entries(CHANGES)]) {
        const error = failure(() => run(path));
        expect([how, error.code]).toEqual([how, "unsafe-file"]);
        expect(error.message).toContain(`${path} ${says}`);
        expect(error.hint).toContain(`mv ${path} ${path}.old`);
      }
      expect(readOwnText(path)).toMatchObject({ is: "unreadable", foreign: true });
      expect([readdirSync(directory), lstatSync(path).ino, lstatSync(path).mode, lstatSync(path).uid]).toEqual(before);
      expect([readFileSync(precious, "utf8"), statSync(precious).mode & 0o777]).toEqual(["mine", 0o640]);
      expect(existsSync(`${path}.nothing`)).toBe(false);
    });
  }

  test("a file larger than the limit is not read, and costs nothing", () => {
    const { path } = place();
    writeFileSync(path, "");
    truncateSync(path, 1024 ** 4);
    const before = process.memoryUsage.rss();
    expect(failure(() => readOwn(path))).toMatchObject({ code: "unsafe-file" });
    expect(failure(() => readOwn(path)).message).toContain("has 1099511627776 bytes, and dt reads at most");
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 1024 * 1024);
    truncateSync(path, 0);
    expect(readOwn(path).toString()).toBe("");
  });

  test("of a large file the end is judged first, and nothing else is read when it is not worth it; a small one is read", () => {
    const { path } = place();
    const ends: string[] = [];
    const isWorthIt = (end: string) => {
      ends.push(end);
      return end.endsWith("own");
    };
    const [own, foreign] = [`${"x".repeat(70_000)}own`, `${"x".repeat(70_000)}foreign`];
    writeFileSync(path, own);
    expect(readOwn(path, isWorthIt)?.toString()).toBe(own);
    writeFileSync(path, foreign);
    expect(readOwn(path, isWorthIt)).toBe(null);
    expect(ends).toEqual([own.slice(-16 * 1024), foreign.slice(-16 * 1024)]);
    writeFileSync(path, "foreign");
    expect(readOwn(path, isWorthIt)?.toString()).toBe("foreign");
  });

  test("the hint quotes a path that a shell would split", () => {
    const { directory } = place();
    const path = join(directory, "it's; rm -rf x");
    mkdirSync(path);
    const { hint } = failure(() => readOwn(path));
    const quoted = `'${path.replaceAll("'", "'\\''")}'`;
    expect(hint).toContain(`mv ${quoted} '`);
  });

  test("a link put in a file's place while it is read and written over and over is never followed", async () => {
    const { path, precious } = place();
    const swap = join(path, "..", "swap");
    writeFileSync(path, "own");
    // Another process, which changes what is at the path as fast as it can.
    const script = `const { renameSync, symlinkSync, writeFileSync } = require("node:fs");
      const [path, swap, precious] = process.argv.slice(1);
      console.log("begun");
      for (;;) {
        symlinkSync(precious, swap); renameSync(swap, path);
        writeFileSync(swap, "own"); renameSync(swap, path);
      }`;
    const other = Bun.spawn([process.execPath, "-e", script, path, swap, precious], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    try {
      await other.stdout.getReader().read();
      const seen = { refused: 0, done: 0 };
      const deadline = performance.now() + 10_000;
      while ((seen.refused < 200 || seen.done < 200) && performance.now() < deadline) {
        for (const run of [() => readOwn(path).toString(), () => CHANGES.append?.(path)]) {
          try {
            expect(run()).not.toBe("mine");
            seen.done++;
          } catch (error) {
            // The system's own word, where the link was gone again before it could be named.
            expect(["unsafe-file", "ELOOP"]).toContain((error as DtError).code);
            seen.refused++;
          }
        }
      }
      expect(seen.done).toBeGreaterThan(0);
      expect(seen.refused).toBeGreaterThan(0);
    } finally {
      other.kill("SIGKILL");
      await other.exited;
    }
    expect(readFileSync(precious, "utf8")).toBe("mine");
  });
});

const SOCKET = "IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 1) or die $!";

describe("published by a link to its temporary", () => {
  test("a file published by a link is dt's own while the link exists, also when its writer was killed right then", () => {
    const { directory, path } = place();
    createWhole(path, { text: "whole" });
    linkSync(path, temporaryName(path));
    expect(readOwn(path).toString()).toBe("whole");
    checkOwn(path);
    linkSync(path, temporaryName(path));
    expect(readOwn(path).toString()).toBe("whole");
    removeOwn(path);
    expect(readdirSync(directory).filter((name) => name.endsWith(".tmp"))).toHaveLength(2);
  });

  test("a file published by a link is dt's own while another process claims it under a temporary name", () => {
    const { path } = place();
    writeFileSync(path, "asked");
    linkSync(path, temporaryName(path));
    const claimed = temporaryName(path);
    renameSync(path, claimed);
    expect(readOwn(claimed).toString()).toBe("asked");
  });

  test("a temporary file's name tells its file and its owner", () => {
    const name = temporaryName("/a/b:c:d.lock").slice("/a/".length);
    expect(readTemporaryName(name)).toEqual({ of: "b:c:d.lock", pid: process.pid });
    for (const other of ["b:c:d.lock", ".b.tmp", "b.1.abc.tmp", ".b.1.abc.tmp.link", ".b.x.abc.tmp", ""])
      expect(readTemporaryName(other)).toBeNull();
  });
});

describe.skipIf(!isRoot)("as another uid", () => {
  /** What uid 54321 sees of each path. */
  function seenBy(...paths: string[]): Seen[] {
    const done = Bun.spawnSync([process.execPath, join(import.meta.dir, "door.worker.ts"), ...paths]);
    expect(done.stderr.toString()).toBe("");
    return JSON.parse(done.stdout.toString()) as Seen[];
  }

  test("another uid reads and writes its own files; those of others, root's too, are refused; one that may not be opened is the system's error", () => {
    const { directory, path } = place();
    chmodSync(directory, 0o777);
    const [own, roots, theirs, closed] = ["own", "roots", "theirs", "closed"].map((name) => join(directory, name)) as [
      string,
      string,
      string,
      string,
    ];
    for (const [file, uid, mode] of [
      [own, 54321, 0o600],
      [roots, 0, 0o666],
      [theirs, 54322, 0o666],
      [closed, 0, 0o600],
    ] as const) {
      writeFileSync(file, "text");
      chmodSync(file, mode);
      chownSync(file, uid, uid);
    }
    const link = join(directory, "link");
    symlinkSync(own, link);
    const [ofOwn, ofRoots, ofTheirs, ofClosed, ofLink, made] = seenBy(own, roots, theirs, closed, link, path);
    expect(ofOwn).toEqual({ read: "text", append: "opened", check: "fine" });
    for (const [seen, file, uid] of [
      [ofRoots, roots, 0],
      [ofTheirs, theirs, 54322],
    ] as const)
      for (const answer of Object.values(seen as Seen))
        expect(answer).toStartWith(`unsafe-file: ${file} belongs to uid ${uid}`);
    expect(ofClosed).toMatchObject({
      read: expect.stringContaining("EACCES"),
      append: expect.stringContaining("EACCES"),
    });
    expect(ofClosed?.check).toContain("belongs to uid 0");
    for (const answer of Object.values(ofLink as Seen)) expect(answer).toContain("is a symbolic link");
    expect(made).toMatchObject({ read: expect.stringContaining("ENOENT"), append: "opened", check: "fine" });
    expect([statSync(path).uid, statSync(path).mode & 0o777]).toEqual([54321, 0o600]);
    expect(readFileSync(roots, "utf8") + readFileSync(theirs, "utf8")).toBe("texttext");
  });

  test("root uses files of the directory's owner, and gives that owner what it makes there", () => {
    const { directory, path } = place();
    chownSync(directory, 54321, 54321);
    writeFileSync(path, "his");
    chownSync(path, 54321, 54321);
    expect(readOwn(path).toString()).toBe("his");
    appendLine(path, "more");
    writeOwn(path, { text: "new" });
    expect([statSync(path).uid, statSync(path).gid, readFileSync(path, "utf8")]).toEqual([54321, 54321, "new"]);
    removeOwn(path);
    for (const how of ["write", "append", "open to write", "open for another program"]) {
      CHANGES[how]?.(path);
      expect([how, statSync(path).uid, statSync(path).gid]).toEqual([how, 54321, 54321]);
      unlinkSync(path);
    }
    // Of a third user it takes nothing there.
    writeFileSync(path, "a third one's");
    chownSync(path, 54322, 54322);
    for (const run of [() => readOwn(path), ...Object.values(CHANGES).map((change) => () => change(path))])
      expect(failure(run)).toMatchObject({ code: "unsafe-file" });
    expect(readFileSync(path, "utf8")).toBe("a third one's");
    // A link that he put there is no way to a file of root's.
    const secret = join(scratch(), "roots");
    writeFileSync(secret, "root's", { mode: 0o600 });
    unlinkSync(path);
    symlinkSync(secret, path);
    for (const run of [() => readOwn(path), ...Object.values(CHANGES).map((change) => () => change(path))])
      expect(failure(run)).toMatchObject({ code: "unsafe-file" });
    expect([readFileSync(secret, "utf8"), statSync(secret).uid, statSync(secret).mode & 0o777]).toEqual([
      "root's",
      0,
      0o600,
    ]);
  });

  test("opening an existing file does not change its owner", () => {
    const { directory, path } = place();
    chownSync(directory, 54321, 54321);
    writeFileSync(path, "root's own");
    closeSync(openOwn(path, { flags: constants.O_RDWR | constants.O_CREAT }));
    closeSync(openSync(path, "r"));
    expect(statSync(path).uid).toBe(0);
  });
});
