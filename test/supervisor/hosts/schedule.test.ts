/**
 * The graph's state in, what to do out: whatever the order of ends, exactly the dependents of what failed are not
 * started.
 */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { nextStep, SETTLED, type Stage } from "../../../src/supervisor/hosts/schedule.ts";

test("property: in any order of completion all keys settle, and exactly those that depend on a failure are prevented", () => {
  const graphs = fc.array(fc.tuple(fc.array(fc.nat(20), { maxLength: 4 }), fc.boolean()), {
    minLength: 1,
    maxLength: 15,
  });
  fc.assert(
    fc.property(graphs, fc.array(fc.nat(1000), { minLength: 40, maxLength: 40 }), (rows, picks) => {
      const nodes = rows.map(([needs], at) => ({
        key: `n${at}`,
        needs: [...new Set(needs)]
          .filter((one) => one < at)
          .map((one) => ({ key: `n${one}`, condition: "ready" as const })),
      }));
      const fails = (key: string) => rows[Number(key.slice(1))]?.[1] === true;
      const stages = new Map<string, Stage>(nodes.map(({ key }) => [key, "waiting"]));
      for (let turn = 0; ; turn++) {
        const { go, prevent } = nextStep(nodes, stages);
        for (const { key } of prevent) stages.set(key, "prevented");
        for (const key of go) stages.set(key, "going");
        const going = nodes.filter(({ key }) => stages.get(key) === "going");
        if (going.length === 0 && go.length + prevent.length === 0) break;
        const one = going[(picks[turn % picks.length] as number) % Math.max(1, going.length)];
        if (one !== undefined) stages.set(one.key, fails(one.key) ? "failed" : "ready");
      }
      const broken = new Set<string>();
      for (const { key, needs } of nodes) {
        const below = needs.some((need) => broken.has(need.key));
        if (below || fails(key)) broken.add(key);
        expect(stages.get(key)).toBe(below ? "prevented" : fails(key) ? "failed" : "ready");
        expect(SETTLED[stages.get(key) as Stage]).toBe(true);
      }
    }),
  );
});
