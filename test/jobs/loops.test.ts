/** Jobs that change what they are run for, by a clock that is moved by hand. */
import { expect, test } from "bun:test";
import { makeLoops } from "../../src/jobs/loops.ts";

function watch() {
  let now = 1_000_000;
  const loops = makeLoops(() => now);
  return {
    pass(ms: number) {
      now += ms;
    },
    passUntil(at: number) {
      now = Math.max(now, 1_000_000 + at);
    },
    heard: (path: string) => loops.heard(path),
    /** The debounce is over; false when it is held, else its job has begun. */
    begin(target: string, path: string, isNew: boolean): boolean {
      now += 100;
      const judged = loops.judge(target, { paths: [path], changed: [{ path, isNew }] });
      if (judged.is === "held") return false;
      now += judged.afterMs;
      loops.began(target);
      return true;
    },
    end: (target: string) => loops.ended(target),
  };
}

/** A job that makes one file after so long; gives how many ran before one was held. */
function jobsUntilHeld(nameOf: (at: number) => string, targetOf: (path: string) => string, afterMs = 40): number {
  const one = watch();
  one.heard(nameOf(0));
  for (let at = 0; at < 20; at++) {
    const target = targetOf(nameOf(at));
    if (!one.begin(target, nameOf(at), at > 0)) return at;
    one.pass(afterMs);
    one.heard(nameOf(at + 1));
    one.pass(10);
    one.end(target);
  }
  return 20;
}

test("a job that writes its own input is held, under one name or a new one each time, with one target or one each", () => {
  expect(
    jobsUntilHeld(
      () => "a.js",
      () => "a.js",
    ),
  ).toBe(3);
  expect(
    jobsUntilHeld(
      (at) => `gen/o${at}.js`,
      () => "all",
    ),
  ).toBeLessThan(6);
  expect(
    jobsUntilHeld(
      (at) => `src/a${".min".repeat(at)}.js`,
      (path) => path,
    ),
  ).toBeLessThan(6);
  expect(
    jobsUntilHeld(
      (at) => `src/a${".min".repeat(at)}.js`,
      (path) => path,
      3000,
    ),
  ).toBeLessThan(6);
});

test("files that arrive by a clock of their own are worked on, even if a job is running each time", () => {
  const one = watch();
  let running: string | null = null;
  for (let at = 0; at < 30; at++) {
    const path = `in/${at}.png`;
    one.passUntil(at * 1000);
    one.heard(path);
    if (running !== null) one.end(running);
    expect({ at, isHeld: !one.begin(path, path, true) }).toEqual({ at, isHeld: false });
    running = path;
  }
});

test("a file that arrives while two jobs run, or that was known before, is not blamed on a job", () => {
  const one = watch();
  one.heard("a");
  one.begin("a", "a", false);
  one.heard("b");
  one.begin("b", "b", false);
  for (let at = 0; at < 8; at++) {
    one.pass(40);
    one.heard(`new${at}`);
    expect(one.begin(`new${at}`, `new${at}`, true)).toBe(true);
  }
});
