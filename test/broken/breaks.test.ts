/** The breaks of `bun run broken` fit the code as it is: that takes an hour, and this a moment. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { REPOSITORY } from "../kit.ts";
import { BREAKS } from "./breaks.ts";

test("each break changes exactly one place, and names a test that there is", () => {
  const misfits = BREAKS.flatMap(({ what, edits, test }) => [
    ...edits.flatMap(({ file, from }) => {
      const found = readFileSync(join(REPOSITORY, file), "utf8").split(from).length - 1;
      return found === 1 ? [] : [`${what}: ${file} has ${found} places like ${from}`];
    }),
    ...(existsSync(join(REPOSITORY, test)) ? [] : [`${what}: there is no ${test}`]),
  ]);
  expect(misfits).toEqual([]);
});
