/** Which starts wait for the same launch, and which of them ends it. */
import { expect, test } from "bun:test";
import { makeShares } from "../../../src/supervisor/run/shares.ts";

/** A launch that one start made, and two joined. */
function three() {
  const shares = makeShares();
  let ended = 0;
  shares.own("a", () => ended++);
  const [maker, ...others] = [shares.take("a"), shares.take("a"), shares.take("a")] as const;
  return { shares, maker, others, ended: () => ended };
}

test("the last start that is given up ends the launch, whichever it is", () => {
  const { maker, others, ended } = three();
  expect([maker.giveUp(), others[0].giveUp(), ended()]).toEqual(["shared", "shared", 0]);
  expect([others[1].giveUp(), ended()]).toEqual(["ended", 1]);
});

test("a start that is given up twice counts once", () => {
  const { maker, others, ended } = three();
  for (const one of [maker, maker, others[0], others[0]]) expect(one.giveUp()).toBe("shared");
  expect([others[1].giveUp(), others[1].giveUp(), ended()]).toEqual(["ended", "ended", 1]);
});

test("who knows what became of the launch waits no longer, and ends nothing", () => {
  const { maker, others, ended } = three();
  for (const other of others) other.leave();
  expect(ended()).toBe(0);
  expect([maker.giveUp(), ended()]).toEqual(["ended", 1]);
});

test("the launches of other starts are others', and one of another host is ended by none", () => {
  const { shares, maker, ended } = three();
  expect([shares.take("b").giveUp(), ended()]).toEqual(["ended", 0]);
  expect(maker.giveUp()).toBe("shared");
});

test("a launch that nobody made a start for is ended by the last that joined it", () => {
  const shares = makeShares();
  let ended = 0;
  shares.own("a", () => ended++);
  expect([shares.take("a").giveUp(), ended]).toEqual(["ended", 1]);
});

test("who waits for the next run of a launch waits for the launch, also when it came before the host knew of the run", () => {
  const { shares, maker, others, ended } = three();
  const early = shares.take("b");
  shares.follow("a", "b");
  const late = shares.take("b");
  for (const one of [maker, ...others, late]) expect(one.giveUp()).toBe("shared");
  expect([early.giveUp(), ended()]).toEqual(["ended", 1]);
});

test("a start that came early and has left is not waited for", () => {
  const { shares, maker, others, ended } = three();
  const early = shares.take("b");
  shares.follow("a", "b");
  early.leave();
  for (const one of others) one.leave();
  expect([maker.giveUp(), ended()]).toEqual(["ended", 1]);
});
