/** One root as the daemon works in it. */
import { expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { forgetTrust, writeTrust } from "../../../src/state/trust.ts";
import { groundOf } from "../../../src/supervisor/ground/ground.ts";
import { KNOWN_MARK } from "../../../src/supervisor/launch/marks.ts";
import { makeScratch } from "../../kit/scratch.ts";
import { fakeTable } from "../../sys/process/table.fake.ts";

const scratch = makeScratch();

test("the daemon keeps its ground, but asks each time whether the root is trusted", () => {
  const [root, home] = [scratch(), scratch()];
  mkdirSync(join(root, "manifests"));
  const ground = groundOf({ home, env: { [KNOWN_MARK]: "1" }, table: fakeTable([]) }, root);
  expect(ground.isStrange).toBe(true);
  writeTrust(home, { root, how: "said" });
  expect(ground.isStrange).toBe(false);
  forgetTrust(home, root);
  expect(ground.isStrange).toBe(true);
  // `dt watch` shares it, and is a person's act.
  expect(groundOf({ home, env: {}, table: fakeTable([]) }, root).isStrange).toBe(false);
});
