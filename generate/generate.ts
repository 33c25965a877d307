/**
 * `bun run generate`, first part: writes the files derived from the types, the schema, the plugin `template` and the
 * module that a plugin's programs import. A test fails when they are stale.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { collectStartFiles } from "./collect.ts";
import { makeDeclarations } from "./declare.ts";
import { extractDescriptions } from "./extract.ts";
import { bundleModule } from "./modulebundle.ts";

const repository = resolve(import.meta.dir, "..");
const descriptions = join(repository, "src/manifest/schema/descriptions.json");
const jsonSchema = join(repository, "docs", "manifest.schema.json");
const pluginModule = join(repository, "src/supervisor/prepare/module.json");
const startFiles = join(repository, "src/manifest/start/files.json");

const source = (path: string) => readFileSync(join(repository, "src", path), "utf8");
writeFileSync(join(repository, "docs", "dialtone.d.ts"), makeDeclarations(source));
writeJson(pluginModule, await bundleModule(repository));
writeJson(startFiles, collectStartFiles(repository));
writeJson(descriptions, extractDescriptions(source("manifest/model/types.ts")));
// imported after manifest/schema/descriptions.json is written, since it reads that
const { manifestJsonSchema } = await import("../src/manifest/schema/jsonschema.ts");
writeJson(jsonSchema, manifestJsonSchema());
Bun.spawnSync(
  [
    join(repository, "node_modules/.bin/biome"),
    "format",
    "--write",
    descriptions,
    jsonSchema,
    startFiles,
    pluginModule,
  ],
  {
    cwd: repository,
  },
);

function writeJson(path: string, value: unknown): void {
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);
}
