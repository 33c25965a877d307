/** How many launches a host begins at once, and how many it serves, by the files that it may open. */
import { describe, expect, test } from "bun:test";
import { makeAdmission } from "../../../src/supervisor/host/admission.ts";

const never = new AbortController().signal;

/** Those that are admitted without waiting. */
async function enterAll(limit: number, count: number) {
  const admission = makeAdmission(limit);
  const outcomes: (string | null)[] = Array.from({ length: count }, () => null);
  const entering = outcomes.map(async (_none, at) => {
    try {
      const one = await admission.enter(`t:c${at}:default`, never);
      outcomes[at] = "in";
      return one;
    } catch (error) {
      outcomes[at] = (error as { code: string }).code;
      return null;
    }
  });
  await Bun.sleep(0);
  return { admission, outcomes, entering };
}

describe("a host's admission", () => {
  test("with the usual limit everybody begins at once", async () => {
    const { outcomes } = await enterAll(20_000, 500);
    expect(new Set(outcomes)).toEqual(new Set(["in"]));
  });

  test("with few files some begin, the others wait for them, and those that find no room then are refused", async () => {
    const { outcomes, entering } = await enterAll(64, 20);
    expect(outcomes.filter((one) => one === "in")).toHaveLength(2);
    const admitted = [];
    for (let at = 0; at < entering.length; at++) {
      const one = await entering[at];
      one?.begun();
      if (one != null) admitted.push(one);
    }
    expect(admitted).toHaveLength(7);
    expect(outcomes.slice(7)).toEqual(Array.from({ length: 13 }, () => "too-many-files"));
  });

  test("what is over makes room, whether it was launched or not, and counts once", async () => {
    const { admission, entering } = await enterAll(50, 1);
    const first = await entering[0];
    const second = admission.enter("t:next:default", never);
    first?.over();
    first?.over();
    first?.begun();
    const next = await second;
    const third = admission.enter("t:last:default", never);
    next.begun();
    next.over();
    expect(await third).toBeTruthy();
    next.over();
    const waiting = new AbortController();
    const fourth = admission.enter("t:more:default", waiting.signal);
    waiting.abort();
    (await third).begun();
    await expect(fourth).rejects.toThrow();
  });

  test("the error names the limit, the launches that there are, and the one that was not started", async () => {
    const admission = makeAdmission(46);
    (await admission.enter("t:a:default", never)).begun();
    await expect(admission.enter("t:b:default", never)).rejects.toThrow(
      /may open only 46 files, which is enough for the 1 launches that it has: t:b:default was not started/,
    );
  });
});
