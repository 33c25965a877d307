/** `bun run generate`, second part: writes docs/reference.md and docs/daemon.schema.json. */
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { makeReference } from "./reference.ts";

const repository = resolve(import.meta.dir, "..");
const { wireJsonSchema } = await import("../src/daemon/socket/protocol.ts");
writeFileSync(join(repository, "docs", "daemon.schema.json"), `${JSON.stringify(await wireJsonSchema(), null, 2)}\n`);
writeFileSync(join(repository, "docs", "reference.md"), await makeReference(join(repository, "src")));
