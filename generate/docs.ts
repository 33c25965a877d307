/** `bun run generate`, second part: writes docs/reference.md and docs/daemon.schema.json. */
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { makeReference } from "./reference.ts";

const repository = resolve(import.meta.dir, "..");
const schema = join(repository, "docs", "daemon.schema.json");
const { wireJsonSchema } = await import("../src/daemon/socket/protocol.ts");
writeFileSync(schema, `${JSON.stringify(await wireJsonSchema(), null, 2)}\n`);
Bun.spawnSync([join(repository, "node_modules/.bin/biome"), "format", "--write", schema], { cwd: repository });
writeFileSync(join(repository, "docs", "reference.md"), await makeReference(join(repository, "src")));
