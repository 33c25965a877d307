/** A loop is recognised at the third round; a person who saves often is not taken for one. */
import { expect, test } from "bun:test";
import { makeRounds } from "../../../src/supervisor/watch/rounds.ts";

/** A launch that is restarted on a change, with a clock that is moved by hand. */
function launch({ debounceMs = 100, restartMs = 30 } = {}) {
  const rounds = makeRounds();
  let now = 1_000_000;
  let starts = 1;
  rounds.began(now);
  return {
    rounds,
    get now() {
      return now;
    },
    get starts() {
      return starts;
    },
    pass(ms: number) {
      now += ms;
    },
    /** A change now; false when it was held. */
    change(...files: string[]): boolean {
      const at = now;
      now += debounceMs;
      const verdict = rounds.judge({ at, now, files: files.map((file) => [file]) });
      if (verdict.is === "held") return false;
      now += verdict.afterMs;
      rounds.working(now);
      now += restartMs;
      rounds.began(now);
      starts++;
      return true;
    },
  };
}

for (const distance of [0, 20, 700, 3000, 20_000])
  test(`a change ${distance} ms after each start is held at the third round`, () => {
    const one = launch();
    for (let round = 0; round < 20; round++) {
      one.pass(distance + (round % 2) * 30);
      if (!one.change("stamp")) break;
    }
    expect(one.starts).toBe(3);
  });

test("changes of a new name each time, beside the last one, are held too", () => {
  const { rounds } = launch();
  const held = [0, 1, 2].map((at) => {
    const now = 1_000_000 + at * 1000;
    rounds.began(now);
    return rounds.judge({ at: now + 10, now: now + 110, files: [[`out/${at}.js`, "out/*"]] }).is;
  });
  expect(held).toEqual(["work", "work", "held"]);
});

for (const every of [500, 1000, 1500, 2000, 5000])
  test(`a script that saves one file every ${every} ms is no loop`, () => {
    const one = launch();
    let next = one.now + every;
    for (let save = 0; save < 200; save++) {
      one.pass(Math.max(0, next - one.now));
      next += every;
      expect(one.change("src/a.ts")).toBe(true);
    }
  });

test("a person who saves one file again and again is seldom taken for a loop, and only until the next pause", () => {
  const one = launch();
  let seed = 7;
  const random = () => {
    seed = (seed * 16_807) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  let held = 0;
  for (let save = 0; save < 1000; save++) {
    one.pass(700 + random() * 12_000);
    if (!one.change("src/a.ts")) held++;
  }
  expect(held).toBeLessThan(30);
});

test("different files right after each start are no loop", () => {
  const one = launch();
  for (let at = 0; at < 50; at++) {
    one.pass(20);
    expect(one.change(`src/${at}`)).toBe(true);
  }
});

/** Brought to where it is held. */
function held() {
  const one = launch();
  for (let round = 0; round < 3; round++) {
    one.pass(20);
    one.change("stamp");
  }
  return one;
}

test("while a loop is held, another file counts at once and counting starts again", () => {
  const one = held();
  one.pass(300);
  expect(one.change("stamp", "src/a.ts")).toBe(true);
  for (let round = 0; round < 2; round++) {
    one.pass(20);
    expect(one.change("stamp")).toBe(true);
  }
  one.pass(20);
  expect(one.change("stamp")).toBe(false);
});

test("while a loop is held, the same file counts after a silence, and the next silence is twice as long", () => {
  const one = held();
  for (const silence of [5000, 10_000, 20_000]) {
    one.pass(silence - 500);
    expect(one.change("stamp")).toBe(false);
    one.pass(silence + 100);
    expect(one.change("stamp")).toBe(true);
    one.pass(20);
    expect(one.change("stamp")).toBe(false);
  }
});

test("a change held for the first time counts after a silence even if nothing else changes; a loop's next one does not", () => {
  const rounds = makeRounds();
  let now = 1_000_000;
  const round = () => {
    rounds.began(now);
    now += 1000;
    return rounds.judge({ at: now - 980, now: now - 900, files: [["stamp"]] });
  };
  round();
  round();
  expect(round()).toMatchObject({ is: "held", isFirst: true, settles: true });
  now += 5000;
  rounds.release();
  expect(round()).toMatchObject({ is: "held", isFirst: true, settles: false });
  rounds.forget();
  round();
  round();
  expect(round()).toMatchObject({ is: "held", settles: true });
});

test("a person's restart forgets a held loop", () => {
  const one = held();
  one.rounds.forget();
  one.pass(20);
  expect(one.change("stamp")).toBe(true);
});

test("a loop with varying pauses is not held, since a person may save like that; the sixth round in a row is reported once", () => {
  const rounds = makeRounds();
  let now = 1_000_000;
  const round = (pause: number, file: string) => {
    rounds.began(now);
    now += pause;
    return rounds.judge({ at: now, now: now + 100, files: [[file]] });
  };
  const told = (pauses: number[], file = "stamp") =>
    pauses.map((pause) => round(pause, file)).map((one) => one.is === "work" && one.mayLoop !== undefined);
  expect(told([2000, 5000, 3000, 7000, 4000, 9000, 2000, 6000])).toEqual(
    [5, 5, 5, 5, 5, 6, 5, 5].map((one) => one === 6),
  );
  // Another file, or a pause longer than half a minute, starts counting again.
  expect(told([2000, 5000, 3000, 7000, 4000], "other")).not.toContain(true);
  expect(told([40_000, 2000, 5000, 3000, 7000, 4000], "other")).not.toContain(true);
  expect(told([9000], "other")).toEqual([true]);
});
