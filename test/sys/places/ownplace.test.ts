/**
 * Places that only this user decides about, and files that a stranger may have put there. With other users:
 * test/fault/trust/sockets.test.ts.
 */
import { describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { readPlain } from "../../../src/sys/files/plainfile.ts";
import { privateBelow, takePrivate, whoMaySwap } from "../../../src/sys/places/ownplace.ts";
import { socketDirectory } from "../../../src/sys/places/socketplace.ts";
import { makeScratch } from "../../kit/scratch.ts";

const scratch = makeScratch();
const OTHER = 65534;
const isRoot = process.getuid?.() === 0;
const mode = (path: string) => statSync(path).mode & 0o7777;

/** Whatever the umask is. */
function directory(path: string, bits: number): string {
  mkdirSync(path);
  chmodSync(path, bits);
  return path;
}

describe("who may swap what is at a name", () => {
  test("nobody else may swap a name in one's own directory below the shared one; through links the real directory counts", () => {
    const base = scratch();
    expect(whoMaySwap(base)).toBeNull();
    const open = directory(join(base, "open"), 0o777);
    symlinkSync(open, join(base, "link"));
    expect(whoMaySwap(join(base, "link"))).toBe(`other users may write to ${open} (mode 777)`);
  });

  test("a group or all users with write access to a directory, or one above it, may swap a name, unless the sticky bit is set", () => {
    const base = scratch();
    for (const bits of [0o777, 0o775, 0o707]) {
      const open = directory(join(base, bits.toString(8)), bits);
      const inner = directory(join(open, "inner"), 0o700);
      const said = `other users may write to ${open} (mode ${bits.toString(8)})`;
      expect([whoMaySwap(open), whoMaySwap(inner)]).toEqual([said, said]);
      chmodSync(open, 0o1777);
      expect([whoMaySwap(open), whoMaySwap(inner)]).toEqual([null, null]);
    }
  });

  test.skipIf(!isRoot)("the owner of a directory above may swap a name, whatever its mode", () => {
    const theirs = directory(join(scratch(), "theirs"), 0o1755);
    const inner = directory(join(theirs, "inner"), 0o700);
    chownSync(theirs, OTHER, OTHER);
    expect(whoMaySwap(inner)).toBe(`${theirs} belongs to uid ${OTHER}`);
  });
});

describe("a private directory", () => {
  test("a private directory is made with mode 0700, used again, and closed where others could only look", () => {
    const base = scratch();
    const path = join(base, "own");
    expect(mode(takePrivate(path))).toBe(0o700);
    chmodSync(path, 0o755);
    expect(mode(takePrivate(path))).toBe(0o700);
  });

  test("a link, a file or a directory open to others is no private directory, and stays unchanged", () => {
    const base = scratch();
    const target = directory(join(base, "target"), 0o755);
    symlinkSync(target, join(base, "link"));
    writeFileSync(join(base, "file"), "");
    directory(join(base, "open"), 0o770);
    const refusals = {
      link: "it is a link",
      file: "it is not a directory",
      open: "other users may write to it (mode 770)",
    };
    for (const [name, why] of Object.entries(refusals)) {
      expect(() => takePrivate(join(base, name))).toThrow(`${join(base, name)} is not private to you`);
      expect(() => takePrivate(join(base, name))).toThrow(why);
    }
    expect([mode(target), mode(join(base, "open"))]).toEqual([0o755, 0o770]);
  });

  test.skipIf(!isRoot)(
    "another user's directory is not used; one with a name that cannot be guessed is made once and found again",
    () => {
      const base = directory(join(scratch(), "shared"), 0o1777);
      const name = `dialtone-${process.getuid?.()}`;
      const theirs = directory(join(base, name), 0o777);
      chownSync(theirs, OTHER, OTHER);
      expect(() => takePrivate(theirs)).toThrow(`it belongs to uid ${OTHER}`);
      const decoy = directory(join(base, `${name}-000000`), 0o700);
      chownSync(decoy, OTHER, OTHER);
      const place = privateBelow(base);
      expect(basename(place)).toMatch(new RegExp(`^${name}-[A-Za-z0-9]{6}$`));
      expect(place).not.toBe(decoy);
      expect(privateBelow(base)).toBe(place);
      expect(readdirSync(base)).toHaveLength(3);
    },
  );
});

test("sockets do not use a runtime directory that is too long, relative, open to others or missing", () => {
  const base = scratch();
  const own = directory(join(base, "own"), 0o700);
  const place = (runtime: string) => socketDirectory({ env: { XDG_RUNTIME_DIR: runtime }, home: null });
  expect(place(own)).toBe(join(own, "dialtone"));
  for (const runtime of [
    directory(join(base, "open"), 0o770),
    join(base, "none"),
    directory(join(base, "x".repeat(60)), 0o700),
    "own",
  ]) {
    expect(place(runtime)).toStartWith(`/tmp/dialtone-${process.getuid?.()}`);
  }
});

describe("a file that may be anything", () => {
  test("a file of the expected size is read, and a link only on request", () => {
    const base = scratch();
    const file = join(base, "file");
    writeFileSync(file, "twelve bytes");
    symlinkSync(file, join(base, "link"));
    expect(readPlain(file, { most: 12 })).toEqual({ is: "there", value: "twelve bytes" });
    expect(readPlain(file, { most: 11 })).toEqual({ is: "unreadable", reason: "it has more than 11 bytes" });
    expect(readPlain(join(base, "link"), { most: 12 })).toEqual({ is: "unreadable", reason: "it is a link" });
    expect(readPlain(join(base, "link"), { most: 12, followLinks: true }).is).toBe("there");
    expect(readPlain(join(base, "none"), { most: 12 })).toEqual({ is: "absent" });
    expect(readPlain(join(file, "none"), { most: 12 })).toEqual({ is: "absent" });
  });

  test("a pipe, a device or a directory costs no waiting and no memory", () => {
    const base = scratch();
    Bun.spawnSync(["mkfifo", join(base, "pipe")]);
    const irregular = { is: "unreadable", reason: "it is not a regular file" } as const;
    for (const path of [join(base, "pipe"), "/dev/zero", base])
      expect(readPlain(path, { most: 4096, followLinks: true })).toEqual(irregular);
  });
});
