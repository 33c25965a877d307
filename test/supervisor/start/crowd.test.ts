/** Starts of one key that are asked for at once wait for each other. */
import { expect, test } from "bun:test";
import { joinCrowd } from "../../../src/supervisor/start/crowd.ts";
import { bootClock } from "../../../src/sys/kernel/bootclock.ts";

const QUIET_MS = 100;
const never = new AbortController().signal;
const newKey = () => `t:dev:${crypto.randomUUID()}`;
const come = (key: string, askedAt = bootClock()) => joinCrowd({ runDirectory: "/run", key, askedAt });

test("a start that was asked for while another was under way follows it, also when that one is over by then", () => {
  const key = newKey();
  const first = come(key);
  const during = bootClock();
  const second = come(key);
  first.over();
  second.over();
  expect([first, second, come(key, during)].map(({ isFollower }) => isFollower)).toEqual([false, true, true]);
});

test("a start that was asked for after the last one was over, or of another key, follows none", () => {
  const key = newKey();
  come(key).over();
  expect([come(key), come(newKey())].map(({ isFollower }) => isFollower)).toEqual([false, false]);
});

test("a follower waits until no more come in, whatever becomes of them", async () => {
  const key = newKey();
  come(key);
  const second = come(key);
  const quiet = second.quiet(never);
  await Bun.sleep(QUIET_MS / 2);
  const lastCameAt = bootClock();
  come(key).over();
  await quiet;
  expect(bootClock() - lastCameAt).toBeGreaterThanOrEqual(QUIET_MS);
});

test("a follower does not wait for ever where more and more come in", async () => {
  const key = newKey();
  come(key);
  const quiet = come(key).quiet(never);
  let isOver = false;
  void quiet.then(() => {
    isOver = true;
  });
  let more = 0;
  for (; !isOver && more < 1000; more++) {
    come(key).over();
    await Bun.sleep(QUIET_MS / 10);
  }
  expect(isOver).toBe(true);
});

test("a start that is given up while it waits throws the reason", async () => {
  const key = newKey();
  come(key);
  const off = new AbortController();
  const quiet = come(key).quiet(off.signal);
  off.abort(new Error("given up"));
  await expect(quiet).rejects.toThrow("given up");
});
