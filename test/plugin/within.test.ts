/** Files below a folder: what is refused, what is followed, and that no instant leads out. */
import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  closeSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { makeWay } from "../../src/plugin/way.ts";
import { within } from "../../src/plugin/within.ts";
import { makeScratch } from "../kit/scratch.ts";

const scratch = makeScratch();

function place() {
  const base = scratch();
  for (const one of ["in/sub", "out"]) mkdirSync(join(base, one), { recursive: true });
  writeFileSync(join(base, "out/victim"), "mine");
  const inside = (path: string) => join(base, "in", path);
  const outside = (path: string) => join(base, "out", path);
  return { base, inside, outside, folder: within(join(base, "in")) };
}

describe("reading", () => {
  test("a file is read, also in a directory; a missing file or directory is absent", () => {
    const { inside, folder } = place();
    writeFileSync(inside("a"), "one");
    writeFileSync(inside("sub/b"), "two");
    expect([folder.read("a"), folder.read("./sub//b"), folder.read(inside("sub/b"))]).toEqual(["one", "two", "two"]);
    expect([folder.read("c"), folder.read("c/d"), folder.read("a/b")]).toEqual([null, null, null]);
    expect([folder.names(), folder.names("sub"), folder.names("none")]).toEqual([["a", "sub"], ["b"], []]);
  });

  test("a link that stays inside is followed, and one that leads out is refused, at any place of the path", () => {
    const { base, inside, outside, folder } = place();
    writeFileSync(inside("sub/a"), "one");
    symlinkSync("sub/a", inside("near"));
    symlinkSync("../near", inside("sub/back"));
    symlinkSync(inside("sub"), inside("whole"));
    expect([folder.read("near"), folder.read("sub/back"), folder.read("whole/a")]).toEqual(["one", "one", "one"]);
    for (const [name, target] of [
      ["file", outside("victim")],
      ["relative", "../out/victim"],
      ["deep", "sub/../../out/victim"],
      ["nowhere", outside("nothing")],
      ["beside", `${join(base, "in")}side`],
      ["device", "/dev/zero"],
    ] as const) {
      symlinkSync(target, inside(name));
      expect(() => folder.read(name), name).toThrow("is a link that leads out of");
    }
    symlinkSync(outside(""), inside("directory"));
    expect(() => folder.read("directory/victim")).toThrow("is a link that leads out of");
    expect(() => folder.names("directory")).toThrow("is a link that leads out of");
    symlinkSync("circle", inside("circle"));
    expect(() => folder.read("circle")).toThrow("form a loop");
    expect(() => folder.read("../out/victim")).toThrow("is not within");
    expect(() => folder.read(outside("victim"))).toThrow("is not within");
  });

  test("a pipe, a socket, a directory, a file too large and one that is no text are each refused at once in a sentence", () => {
    const { inside, folder } = place();
    Bun.spawnSync(["mkfifo", inside("pipe")]);
    expect(() => folder.read("pipe")).toThrow("it is a pipe, not a regular file");
    const listener = Bun.listen({ unix: inside("socket"), socket: { data() {} } });
    expect(() => folder.read("socket")).toThrow("it is a socket");
    listener.stop(true);
    expect(() => folder.read("sub")).toThrow("it is a directory");
    writeFileSync(inside("huge"), "");
    truncateSync(inside("huge"), 1024 ** 4);
    expect(() => folder.read("huge")).toThrow("at most 16777216 are read");
    writeFileSync(inside("bytes"), new Uint8Array([0xff, 0xfe]));
    expect(() => folder.read("bytes")).toThrow("not UTF-8");
    expect(folder.bytes("bytes")).toEqual(new Uint8Array([0xff, 0xfe]));
  });
});

describe("writing", () => {
  test("a file is written whole with the mode it had, and nothing else is left", () => {
    const { inside, folder } = place();
    writeFileSync(inside("a"), "old");
    chmodSync(inside("a"), 0o640);
    folder.write("a", "new");
    folder.write("more/deep/b", "two", { mode: 0o600, directories: true });
    expect(() => folder.write("no/c", "x")).toThrow("does not exist");
    expect([readFileSync(inside("a"), "utf8"), statSync(inside("a")).mode & 0o777]).toEqual(["new", 0o640]);
    expect([statSync(inside("more/deep/b")).mode & 0o777, statSync(inside("more")).mode & 0o777]).toEqual([
      0o600, 0o700,
    ]);
    expect(readdirSync(inside(""), { recursive: true }).sort()).toEqual([
      "a",
      "more",
      "more/deep",
      "more/deep/b",
      "sub",
    ]);
    expect([folder.remove("a"), folder.remove("a")]).toEqual([true, false]);
  });

  test("nothing is written through a link that leads out, or over a hard link, a pipe, a directory or another user's file", () => {
    const { inside, outside, folder } = place();
    symlinkSync(outside("victim"), inside("link"));
    symlinkSync(outside("made"), inside("nowhere"));
    symlinkSync(outside(""), inside("directory"));
    linkSync(outside("victim"), inside("hard"));
    Bun.spawnSync(["mkfifo", inside("pipe")]);
    for (const [name, why] of [
      ["link", "leads out"],
      ["nowhere", "leads out"],
      ["directory/made", "leads out"],
      ["directory/deep/made", "leads out"],
      ["hard", "it has 2 names"],
      ["pipe", "it is a pipe"],
      ["sub", "it is a directory"],
    ] as const)
      expect(() => folder.write(name, "evil", { directories: true }), name).toThrow(why);
    if (process.geteuid?.() === 0) {
      writeFileSync(inside("theirs"), "theirs");
      chownSync(inside("theirs"), 4321, 4321);
      expect(() => folder.write("theirs", "evil")).toThrow("it belongs to user 4321");
    }
    expect(readdirSync(outside(""))).toEqual(["victim"]);
    expect(readFileSync(outside("victim"), "utf8")).toBe("mine");
    folder.write("hard", "new", { linked: true });
    expect(readFileSync(outside("victim"), "utf8")).toBe("mine");
    expect(folder.remove("link")).toBe(true);
    expect(() => folder.remove("directory/victim")).toThrow("leads out");
    expect(readdirSync(inside("")).filter((name) => name.startsWith(".dt-"))).toEqual([]);
  });

  test.skipIf(process.geteuid?.() !== 0)("what root writes in a user's folder belongs to the user", () => {
    const { inside, folder } = place();
    chownSync(inside("sub"), 4321, 4321);
    folder.write("sub/a", "one");
    folder.write("sub/a", "two");
    expect([statSync(inside("sub/a")).uid, readFileSync(inside("sub/a"), "utf8")]).toEqual([4321, "two"]);
  });
});

/** A directory that is a link half of the time. Ends when it is killed. */
const FLIP = `
const { renameSync, symlinkSync, unlinkSync } = require("node:fs");
const [base, out] = process.argv.slice(1);
process.chdir(base);
console.log("flips");
for (;;) {
  renameSync("sub", "real"); symlinkSync(out, "sub"); unlinkSync("sub"); renameSync("real", "sub");
}`;

test("a directory that another process swaps for a link all the time: nothing is written, read or removed outside", async () => {
  const { inside, outside, folder } = place();
  writeFileSync(outside("file"), "outside");
  const flipper = Bun.spawn([process.execPath, "-e", FLIP, inside(""), outside("")], {
    stdout: "pipe",
    stderr: "inherit",
  });
  try {
    await flipper.stdout.getReader().read();
    const end = performance.now() + 3000;
    let written = 0;
    while (performance.now() < end) {
      for (const work of [
        () => folder.write("sub/file", `inside ${written++}`),
        () => expect(folder.read("sub/file") ?? "inside").toStartWith("inside"),
        () => folder.remove("sub/victim"),
      ]) {
        try {
          work();
        } catch (error) {
          expect(["REFUSED", "ENOENT"], String(error)).toContain((error as { code: string }).code);
        }
      }
    }
    expect(written).toBeGreaterThan(100);
  } finally {
    flipper.kill("SIGKILL");
    await flipper.exited;
  }
  expect(readFileSync(outside("file"), "utf8")).toBe("outside");
  expect(readdirSync(outside("")).sort()).toEqual(["file", "victim"]);
}, 30_000);

test("without /proc the path is checked as strictly while nothing moves", () => {
  const { base, inside, outside } = place();
  writeFileSync(inside("sub/a"), "one");
  symlinkSync(outside(""), inside("directory"));
  const way = makeWay(join(base, "in"), false);
  const look = { follow: true, make: null };
  expect(way.go("sub/a", look, ({ directory, name, there }) => [join(directory, name), there?.isFile()])).toEqual([
    inside("sub/a"),
    true,
  ]);
  expect(() => way.go("directory/victim", look, () => 1)).toThrow("leads out");
  const fd = way.openDirectory(inside("sub"));
  closeSync(fd);
});
