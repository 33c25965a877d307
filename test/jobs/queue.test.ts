/** From changes to jobs, by a clock of the test's own: each row of the table, and any order of events. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { makeJobQueue, makeLanes, type QueueOptions, type Work } from "../../src/jobs/queue.ts";

interface Timer {
  at: number;
  run(): void;
}

function makeClock() {
  let now = 0;
  const timers = new Set<Timer>();
  /** Promises that are settled have their say. */
  const settle = async () => {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  };
  return {
    now: () => now,
    timers: {
      set(run: () => void, ms: number): Timer {
        const timer = { at: now + ms, run };
        timers.add(timer);
        return timer;
      },
      clear: (timer: unknown) => void timers.delete(timer as Timer),
    },
    async advance(ms: number): Promise<void> {
      const end = now + ms;
      await settle();
      for (;;) {
        const next = [...timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
        if (next === undefined) break;
        now = Math.max(now, next.at);
        timers.delete(next);
        next.run();
        await settle();
      }
      now = end;
    },
    settle,
  };
}

interface Begun extends Work {
  at: number;
  end(done: boolean): void;
}

function setUp(more: Partial<QueueOptions> = {}, { atOnce = 4, capacity = 64 } = {}) {
  const clock = makeClock();
  const begun: Begun[] = [];
  const lanes = makeLanes(atOnce, capacity);
  const queue = makeJobQueue(lanes, {
    quietMs: 100,
    longestMs: 1000,
    retries: 0,
    retryMs: 1000,
    now: clock.now,
    timers: clock.timers,
    work: (work) => new Promise((resolve) => begun.push({ ...work, at: clock.now(), end: resolve })),
    ...more,
  });
  const end = async (at: number, done = true) => {
    begun[at]?.end(done);
    await clock.settle();
  };
  const shown = () => begun.map(({ target, paths, at }) => `${at} ${target}: ${paths.join(" ")}`);
  return { clock, queue, lanes, begun, end, shown };
}

describe("a target", () => {
  test("a target is worked on once it is quiet, with each path once, and after the last change of a burst", async () => {
    const { clock, queue, shown } = setUp();
    queue.add("t", "a");
    await clock.advance(90);
    queue.add("t", "b");
    queue.add("t", "a");
    await clock.advance(99);
    expect(shown()).toEqual([]);
    await clock.advance(1);
    expect(shown()).toEqual(["190 t: a b"]);
  });

  test("a target that is never quiet is worked on all the same", async () => {
    const { clock, queue, shown, end } = setUp();
    for (let at = 0; at < 30; at++) {
      queue.add("t", "a");
      await clock.advance(50);
      await end(0);
    }
    expect(shown().slice(0, 1)).toEqual(["1000 t: a"]);
    await clock.advance(1000);
    expect(shown()).toEqual(["1000 t: a", "1550 t: a"]);
  });

  test("a target that changes during its job has exactly one more job, after the first has ended", async () => {
    const { clock, queue, shown, end } = setUp();
    queue.add("t", "a");
    await clock.advance(100);
    for (const path of ["b", "c"]) {
      queue.add("t", path);
      await clock.advance(500);
    }
    expect(shown()).toEqual(["100 t: a"]);
    await end(0);
    expect(shown()).toEqual(["100 t: a", "1100 t: b c"]);
    await end(1);
    await clock.advance(5000);
    expect(shown()).toHaveLength(2);
  });

  test("a failed target is tried again after twice as long each time, together with later changes, and then given up", async () => {
    const { clock, queue, begun, shown, end } = setUp({ retries: 2 });
    queue.add("t", "a");
    await clock.advance(100);
    await end(0, false);
    await clock.advance(1000);
    await end(1, false);
    await clock.advance(2000);
    expect(begun.map(({ at, isLast }) => [at, isLast])).toEqual([
      [100, false],
      [1100, false],
      [3100, true],
    ]);
    await end(2, false);
    await clock.advance(60_000);
    expect(begun).toHaveLength(3);
    queue.add("t", "b");
    await clock.advance(100);
    await end(3, false);
    queue.add("t", "c");
    await clock.advance(100);
    expect(shown().at(-1)).toBe(`${clock.now()} t: b c`);
  });

  test("a target that failed while more files changed is tried again at once, with all of them", async () => {
    const { clock, queue, shown, end } = setUp({ retries: 1 });
    queue.add("t", "a");
    await clock.advance(100);
    queue.add("t", "b");
    await clock.advance(100);
    await end(0, false);
    expect(shown()).toEqual(["100 t: a", "200 t: a b"]);
  });

  test("a target that failed while a change is being gathered is tried again with that change once it is quiet", async () => {
    const { clock, queue, shown, end } = setUp({ retries: 1, retryMs: 60_000 });
    queue.add("t", "a");
    await clock.advance(100);
    queue.add("t", "b");
    await clock.advance(50);
    await end(0, false);
    await clock.advance(50);
    expect(shown()).toEqual(["100 t: a", "200 t: b a"]);
  });

  test("a target that changes while it waits for its next try is gathered again until it is quiet, or for the longest wait", async () => {
    const { clock, queue, shown, end } = setUp({ retries: 1, retryMs: 60_000 });
    queue.add("t", "a");
    await clock.advance(100);
    await end(0, false);
    await clock.advance(30_000);
    queue.add("t", "b");
    await clock.advance(90);
    queue.add("t", "c");
    await clock.advance(100);
    expect(shown()).toEqual(["100 t: a", "30290 t: a b c"]);
    await end(1, false);
    await clock.advance(60_000);
    expect(shown()).toHaveLength(2);
  });

  test("a target whose work throws counts as failed", async () => {
    let calls = 0;
    const { clock, queue } = setUp({
      retries: 1,
      work: () => {
        calls++;
        return Promise.reject(new Error("x"));
      },
    });
    queue.add("t", "a");
    await clock.advance(100);
    await clock.advance(1000);
    expect(calls).toBe(2);
    await queue.idle();
  });
});

describe("many targets", () => {
  test("targets run side by side up to the limit, and a full queue loses none", async () => {
    const { clock, queue, lanes, begun, end } = setUp({}, { atOnce: 2, capacity: 3 });
    for (let at = 0; at < 20; at++) queue.add(`t${at}`, `p${at}`);
    await clock.advance(100);
    expect(begun).toHaveLength(2);
    expect(lanes.waiting()).toBe(3);
    // Outside the queue, changes go on being gathered.
    queue.add("t19", "more");
    await clock.advance(100);
    for (let at = 0; at < 20; at++) await end(at);
    expect(begun.map(({ target }) => target).sort()).toEqual(Array.from({ length: 20 }, (_, at) => `t${at}`).sort());
    expect(begun.find(({ target }) => target === "t19")?.paths).toEqual(["p19", "more"]);
    await queue.idle();
  });

  test("property: every change is in a job that began after it, with one job a target at a time and no more than the limit at once", async () => {
    const event = fc.oneof(
      { weight: 5, arbitrary: fc.record({ is: fc.constant("add" as const), target: fc.nat(5), path: fc.nat(3) }) },
      { weight: 3, arbitrary: fc.record({ is: fc.constant("wait" as const), ms: fc.nat(400) }) },
      { weight: 3, arbitrary: fc.record({ is: fc.constant("end" as const), which: fc.nat(9), done: fc.boolean() }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 60 }), fc.nat(2), async (events, retries) => {
        const running = new Map<string, (done: boolean) => void>();
        const added: { target: string; path: string; order: number }[] = [];
        const jobs: { target: string; paths: string[]; order: number; done: boolean }[] = [];
        let order = 0;
        let most = 0;
        const { clock, queue } = setUp(
          {
            retries,
            async work({ target, paths, isLast }) {
              expect(running.has(target)).toBe(false);
              const job = { target, paths, order: order++, done: isLast };
              jobs.push(job);
              const { promise, resolve } = Promise.withResolvers<boolean>();
              running.set(target, resolve);
              most = Math.max(most, running.size);
              const done = await promise;
              running.delete(target);
              job.done ||= done;
              return done;
            },
          },
          { atOnce: 2, capacity: 2 },
        );
        for (const one of events) {
          if (one.is === "add") {
            added.push({ target: `t${one.target}`, path: `p${one.path}`, order: order++ });
            queue.add(`t${one.target}`, `p${one.path}`);
          } else if (one.is === "wait") await clock.advance(one.ms);
          else [...running.values()][one.which % Math.max(1, running.size)]?.(one.done);
          await clock.settle();
        }
        for (let round = 0; round < 200 && (running.size > 0 || round < 20); round++) {
          for (const end of [...running.values()]) end(true);
          await clock.advance(5000);
        }
        expect(running.size).toBe(0);
        await queue.idle();
        expect(most).toBeLessThanOrEqual(2);
        for (const { target, path, order: at } of added)
          expect(
            jobs.some((job) => job.done && job.target === target && job.order > at && job.paths.includes(path)),
          ).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
