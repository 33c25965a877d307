/** A temporary project whose manifests are loaded by a child from source; nothing of it is left after the test. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { peekIndex } from "../../src/manifest/glance.ts";
import { type LoadIndexOptions, loadIndex, readIndex } from "../../src/manifest/index.ts";
import { loadManifest } from "../../src/manifest/load/load.ts";
import type { ManifestFailure } from "../../src/manifest/model/resolved.ts";
import { makeTemporary } from "../kit/temporary.ts";

/**
 * The load child: that of the binary named by DT_BINARY, else from source. Without `--no-install`, Bun run from source
 * would fetch a missing package from the registry; the compiled binary never does.
 */
export const LOADER =
  process.env.DT_BINARY === undefined
    ? [process.execPath, "--no-install", join(import.meta.dir, "loader.ts")]
    : [process.env.DT_BINARY, "__load"];

const bases: string[] = [];

/** For each test file's `afterEach`: a hook registered here would hold for the first file only. */
export function removeProjects(): void {
  for (const base of bases.splice(0)) rmSync(base, { recursive: true, force: true });
}

export function createProject(files: Record<string, string> = {}, name = "root") {
  const base = makeTemporary("manifest");
  bases.push(base);
  const root = join(base, name);
  const home = join(base, "home");
  const temporary = join(base, "tmp");
  for (const directory of [join(root, "manifests"), home, temporary]) mkdirSync(directory, { recursive: true });
  const env = { PATH: process.env.PATH, HOME: home, TMPDIR: temporary } as Record<string, string | undefined>;
  const options: LoadIndexOptions = {
    root,
    home,
    cacheDir: join(root, ".dialtone", "cache"),
    env,
    reading: "all",
    loader: LOADER,
  };
  const write = (path: string, text: string) => {
    const file = resolve(root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  };
  for (const [path, text] of Object.entries(files)) write(path, text);
  return {
    base,
    root,
    home,
    env,
    options,
    write,
    path: (path: string) => resolve(root, path),
    load: (changes: Partial<LoadIndexOptions> = {}) => loadIndex({ ...options, ...changes }),
    read: () => readIndex(options),
    peek: () => peekIndex(options),
    loadOne: (path: string, timeoutMs = 10_000) =>
      loadManifest(resolve(root, path), { root, env, loader: LOADER, timeoutMs }),
    /** Result directories left in the temporary directory. */
    leftovers: () => readdirSync(temporary),
  };
}

/** How often a marker file was appended to: each load of a manifest that calls `mark` adds a line. */
export function countLines(path: string): number {
  try {
    return readFileSync(path, "utf8").split("\n").length - 1;
  } catch {
    return 0;
  }
}

export function failureOf(failures: ManifestFailure[], file: string): ManifestFailure {
  const found = failures.find((failure) => failure.file.endsWith(file));
  if (found === undefined) throw new Error(`no failure of ${file} among ${JSON.stringify(failures)}`);
  return found;
}

/** The text of a manifest in TypeScript. */
export function plugin(name: string, commands = "{}", rest = ""): string {
  return `import { definePlugin } from "@dialtone/dt";\nexport default definePlugin({ name: "${name}", commands: ${commands}${rest} });\n`;
}

/** The own value of a name that TypeScript believes to know, like `constructor`. */
export function valueAt<T>(map: Record<string, T> | undefined, name: string): T | undefined {
  return map?.[name];
}
