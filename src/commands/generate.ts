/** `bun run generate`, second part: writes docs/reference.md. */
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { makeReference } from "./reference.ts";

const repository = resolve(import.meta.dir, "../..");
writeFileSync(join(repository, "docs", "reference.md"), await makeReference(join(repository, "src")));
