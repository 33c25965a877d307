/** `bun run generate`: writes what is derived from types.ts and the schema. A test fails when the files are stale. */
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { extractDescriptions } from "./extract.ts";

const repository = resolve(import.meta.dir, "../..");

const descriptions = join(import.meta.dir, "descriptions.json");
const jsonSchema = join(repository, "docs", "manifest.schema.json");

writeJson(descriptions, extractDescriptions(readFileSync(join(import.meta.dir, "types.ts"), "utf8")));
// imported after the sentences are written, since it reads them
const { manifestJsonSchema } = await import("./jsonschema.ts");
writeJson(jsonSchema, manifestJsonSchema());
Bun.spawnSync([join(repository, "node_modules/.bin/biome"), "format", "--write", descriptions, jsonSchema], {
  cwd: repository,
});

function writeJson(path: string, value: unknown): void {
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);
}
