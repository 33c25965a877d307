/** The reference is what the code says. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { makeReference } from "../../generate/reference.ts";
import { wireJsonSchema } from "../../src/daemon/socket/protocol.ts";
import { REPOSITORY } from "../kit.ts";

test("docs/daemon.schema.json is up to date (else: bun run generate)", async () => {
  expect(JSON.parse(readFileSync(join(REPOSITORY, "docs/daemon.schema.json"), "utf8"))).toEqual(await wireJsonSchema());
});

test("docs/reference.md is up to date (else: bun run generate)", async () => {
  expect(readFileSync(join(REPOSITORY, "docs/reference.md"), "utf8")).toBe(
    await makeReference(join(REPOSITORY, "src")),
  );
});
