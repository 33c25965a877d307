/**
 * Collects what `dt init` copies from this repository: the plugin `template`, which runs here like any other, and the
 * types. `bun run generate` writes it to manifest/start/files.json. Known limit: text files only.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface StartFiles {
  /** The declarations of `@dialtone/dt`, the text of docs/dialtone.d.ts. */
  types: string;
  /** The plugin's files by path from the project root, the manifest last. */
  plugin: Record<string, string>;
}

const MANIFEST = "manifests/template.ts";
const FOLDER = "plugins/template";
/** Files that running the plugin leaves behind; its .gitignore names the same. */
const MADE = /^dist\/|\.log(\.\d+)?$/;

export function collectStartFiles(repository: string): StartFiles {
  const read = (path: string) => readFileSync(join(repository, path), "utf8");
  const paths = readdirSync(join(repository, FOLDER), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(join(repository, FOLDER).length + 1))
    .filter((path) => !MADE.test(path))
    .sort()
    .map((path) => `${FOLDER}/${path}`);
  return {
    types: read("docs/dialtone.d.ts"),
    plugin: Object.fromEntries([...paths, MANIFEST].map((path) => [path, read(path)])),
  };
}
