/** What the files behind glob patterns hold, as one digest: names and contents, in order of name. Relative to the root. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { sha256 } from "../sys/digest.ts";

export function digestInputs(root: string, patterns: readonly string[]): string {
  const files = new Set<string>();
  for (const pattern of patterns) {
    if (pattern.startsWith("/")) files.add(pattern);
    else for (const file of new Bun.Glob(pattern).scanSync({ cwd: root, dot: true, onlyFiles: true })) files.add(file);
  }
  return sha256(
    JSON.stringify([...files].sort().map((file) => [file, sha256(readFileSync(resolve(root, file), "latin1"))])),
  );
}
