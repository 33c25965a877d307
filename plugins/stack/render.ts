/**
 * Writes the Compose file of the stack. The same input gives the same bytes, and a file that is already right stays
 * untouched.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { visible, within } from "@dialtone/dt";
import { renderStack } from "./compose.ts";

const SOURCE = join(import.meta.dir, "stack.yaml");
const TARGET = ".stagecraft/dev/compose.yaml";

try {
  const root = within(process.env.DIALTONE_ROOT ?? join(import.meta.dir, "../.."));
  const text = renderStack(readFileSync(SOURCE, "utf8"));
  const unchanged = root.read(TARGET) === text;
  if (!unchanged) root.write(TARGET, text, { directories: true });
  console.log(`${TARGET} ${unchanged ? "unchanged" : "written"}`);
} catch (error) {
  console.error(visible(`plugins/stack/stack.yaml: ${(error as Error).message}`, { lines: true }));
  process.exit(1);
}
