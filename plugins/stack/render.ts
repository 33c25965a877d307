/** Writes the Compose file of the stack: the same input gives the same bytes, and a file that is right already is left alone. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { renderStack } from "./compose.ts";

const SOURCE = join(import.meta.dir, "stack.yaml");
const TARGET = resolve(process.env.DIALTONE_ROOT ?? join(import.meta.dir, "../.."), ".stagecraft/dev/compose.yaml");

try {
  const text = renderStack(readFileSync(SOURCE, "utf8"));
  const unchanged = existsSync(TARGET) && readFileSync(TARGET, "utf8") === text;
  if (!unchanged) {
    mkdirSync(dirname(TARGET), { recursive: true });
    writeFileSync(`${TARGET}.new`, text);
    renameSync(`${TARGET}.new`, TARGET);
  }
  console.log(`.stagecraft/dev/compose.yaml ${unchanged ? "unchanged" : "written"}`);
} catch (error) {
  console.error(`plugins/stack/stack.yaml: ${(error as Error).message}`);
  process.exit(1);
}
