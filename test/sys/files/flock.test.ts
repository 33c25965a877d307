/**
 * A guard that is dropped by the kernel, never inherited past an exec, and worth nothing when its file was replaced.
 */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { libc } from "../../../src/sys/ffi/libc.ts";
import { isLocked, tryFlock } from "../../../src/sys/files/flock.ts";
import { makeScratch } from "../../kit/scratch.ts";
import { until } from "../../kit.ts";

const scratch = makeScratch();

test("one process holds the file lock; it is free again after its release, which may come twice", () => {
  const path = join(scratch(), "a.guard");
  const first = tryFlock(path);
  expect([first.is, tryFlock(path).is]).toEqual(["held", "busy"]);
  if (first.is !== "held") return;
  expect(first.lock.isInPlace()).toBe(true);
  first.lock.release();
  first.lock.release();
  expect(first.lock.isInPlace()).toBe(false);
  const second = tryFlock(path);
  expect(second.is).toBe("held");
  if (second.is === "held") second.lock.release();
  expect(existsSync(path)).toBe(true);
});

test("whether a file lock is held can be asked without taking it, and of a missing file", () => {
  const path = join(scratch(), "a.lock");
  expect([isLocked(path), existsSync(path)]).toEqual([false, false]);
  const first = tryFlock(path);
  expect([isLocked(path), isLocked(path)]).toEqual([true, true]);
  if (first.is === "held") first.lock.release();
  expect(isLocked(path)).toBe(false);
  const second = tryFlock(path);
  expect(second.is).toBe("held");
  if (second.is === "held") second.lock.release();
});

test("a holder killed with SIGKILL leaves nothing, and the program it had started has not inherited it", async () => {
  const directory = scratch();
  const path = join(directory, "a.guard");
  const note = join(directory, "note");
  const script = `
    const { tryFlock } = await import(${JSON.stringify(join(import.meta.dir, "../../../src/sys/files/flock.ts"))});
    const held = tryFlock(${JSON.stringify(path)});
    const child = Bun.spawn(["sleep", "1000"], { stdio: ["ignore", "ignore", "ignore"] });
    await Bun.write(${JSON.stringify(note)}, held.is + " " + child.pid);
    setInterval(() => {}, 1000);`;
  const holder = Bun.spawn([process.execPath, "-e", script], { stdio: ["ignore", "inherit", "inherit"] });
  let child = "";
  try {
    // Made, then written.
    const text = await until("it holds", () => existsSync(note) && (readFileSync(note, "utf8") || null));
    const [is] = text.split(" ");
    child = text.split(" ")[1] ?? "";
    expect([is, tryFlock(path).is]).toEqual(["held", "busy"]);
    holder.kill("SIGKILL");
    await holder.exited;
    const next = tryFlock(path);
    expect(next.is).toBe("held");
    if (next.is === "held") next.lock.release();
  } finally {
    holder.kill("SIGKILL");
    if (child !== "") process.kill(Number(child), "SIGKILL");
  }
});

test("a file replaced under the lock is reported", () => {
  const directory = join(scratch(), "run");
  mkdirSync(directory);
  const held = tryFlock(join(directory, "a.guard"));
  if (held.is !== "held") throw new Error(held.is);
  renameSync(directory, `${directory}.old`);
  expect(held.lock.isInPlace()).toBe(false);
  mkdirSync(directory);
  writeFileSync(join(directory, "a.guard"), "");
  expect(held.lock.isInPlace()).toBe(false);
  held.lock.release();
});

test("when the directory is made again between opening and locking, the new file is locked, so two never hold one path", () => {
  const directory = join(scratch(), "run");
  mkdirSync(directory);
  const path = join(directory, "a.guard");
  const symbols = libc() as { flock(fd: number, operation: number): number };
  const real = symbols.flock;
  let meanwhile: ReturnType<typeof tryFlock> | null = null;
  symbols.flock = (fd, operation) => {
    symbols.flock = real;
    rmSync(directory, { recursive: true });
    mkdirSync(directory);
    meanwhile = tryFlock(path);
    return real(fd, operation);
  };
  try {
    const mine = tryFlock(path);
    expect([mine.is, (meanwhile as unknown as typeof mine).is]).toEqual(["busy", "held"]);
  } finally {
    symbols.flock = real;
  }
});

test("the error names the path when the guard cannot be made", () => {
  expect(() => tryFlock("/nowhere/at/all/a.guard")).toThrow("Cannot write /nowhere/at/all/a.guard");
});
