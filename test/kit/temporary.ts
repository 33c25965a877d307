/** The one place where tests, benches and their kits make a temporary directory. */
import { mkdtempSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Makes `<below>/dt-<name>-…` and gives its real path. The caller removes it; a test uses `makeScratch`, which does.
 */
export function makeTemporary(name: string, below = tmpdir()): string {
  return realpathSync(mkdtempSync(join(below, `dt-${name}-`)));
}
