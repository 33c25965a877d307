/** Each row of the table on top of src/sys/door/keptopen.ts. */
import { describe, expect, test } from "bun:test";
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";
import { enter, leave, MOST, type OpenDirectory, openIdentityOf } from "../../../src/sys/door/keptopen.ts";
import { makeScratch } from "../../kit/scratch.ts";
import { until } from "../../kit.ts";

const scratch = makeScratch();

const isOpen = (fd: number, path: string) => {
  try {
    return fstatSync(fd).ino === statSync(path).ino;
  } catch {
    return false;
  }
};

/** Counts how often the directory had to be found. */
function finder(path: string) {
  let found = 0;
  const use = (): OpenDirectory => {
    const one = enter(path, () => {
      found++;
      return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
    });
    leave(one);
    return one;
  };
  return { use, found: () => found };
}

describe.skipIf(process.platform !== "linux")("a directory that was opened", () => {
  test("an open directory is used again while it is at its path, and says which one it is", () => {
    const path = scratch();
    const { use, found } = finder(path);
    const first = use();
    expect([use().fd, use().fd, found()]).toEqual([first.fd, first.fd, 1]);
    const { dev, ino } = statSync(path);
    expect([first.isNamed, openIdentityOf(first)]).toEqual([true, { dev, ino }]);
  });

  test("when an open directory was moved or removed and another is at the path, that one is opened and the old one closed", async () => {
    const path = join(scratch(), "run");
    mkdirSync(path);
    const { use, found } = finder(path);
    for (const away of [() => renameSync(path, `${path}.moved`), () => rmSync(path, { recursive: true })]) {
      const before = use();
      const { ino } = fstatSync(before.fd);
      away();
      mkdirSync(path);
      expect(use().fd).toBe(before.fd); // in the same stretch
      await null;
      const now = use();
      expect(openIdentityOf(now).ino).toBe(statSync(path).ino);
      expect(openIdentityOf(now).ino).not.toBe(ino);
      expect(before.fd === now.fd || !isOpen(before.fd, path)).toBe(true);
    }
    expect(found()).toBe(3);
    rmSync(path, { recursive: true });
    await null;
    expect(use).toThrow("ENOENT");
  });

  test("an open directory is not closed under who is in it", async () => {
    const path = join(scratch(), "run");
    mkdirSync(path);
    const open = () => openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
    const outer = enter(path, open);
    const { ino } = fstatSync(outer.fd);
    renameSync(path, `${path}.moved`);
    mkdirSync(path);
    await null;
    const inner = enter(path, open);
    expect([inner.fd === outer.fd, fstatSync(outer.fd).ino, fstatSync(inner.fd).ino]).toEqual([
      false,
      ino,
      statSync(path).ino,
    ]);
    leave(inner);
    expect(fstatSync(outer.fd).ino).toBe(ino);
    leave(outer);
    expect(isOpen(outer.fd, `${path}.moved`)).toBe(false);
    expect(isOpen(inner.fd, path)).toBe(true);
  });

  test("a directory opened through a link is not kept, since the kernel has another path for it", () => {
    const top = scratch();
    symlinkSync(top, join(top, "short"));
    const { use, found } = finder(join(top, "short"));
    for (let round = 0; round < 3; round++) {
      const { fd, isNamed } = use();
      expect([isNamed, isOpen(fd, top)]).toEqual([false, false]);
    }
    expect(found()).toBe(3);
  });

  test("only a few directories are kept open, and they are closed when the event loop has a turn", async () => {
    const paths = Array.from({ length: MOST + 2 }, () => scratch());
    const opened = paths.map((path) => finder(path).use());
    const left = () => opened.filter(({ fd, path }) => isOpen(fd, path));
    expect(left().map(({ path }) => path)).toEqual(paths.slice(2));
    await Promise.resolve(); // no turn
    expect(left()).toHaveLength(MOST);
    await until("all are closed", () => left().length === 0);
    // A free number is another file's from then on.
    const other = openSync(scratch(), constants.O_RDONLY);
    finder(paths[0] as string).use();
    expect(() => fstatSync(other)).not.toThrow();
    closeSync(other);
  });
});
