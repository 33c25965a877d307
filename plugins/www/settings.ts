/** The plugin's input from outside, environment and arguments, is read only here. */
import { join, resolve } from "node:path";

const DEFAULT_PORT = 3000;

/** An error for the user who started the program: its message is a whole sentence, and no stack is shown. */
export class UsageError extends Error {}

/** The folder with the pages: `WWW_DOCS`, else `docs` at the repository's root. Absolute. */
export function docsFolder(env: NodeJS.ProcessEnv): string {
  return resolve(env.WWW_DOCS || join(import.meta.dir, "../../docs"));
}

/** `PORT`, else 3000; 0 lets the system choose. */
export function portNumber(env: NodeJS.ProcessEnv): number {
  const text = env.PORT || String(DEFAULT_PORT);
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) {
    throw new UsageError(`PORT must be a number from 0 to 65535, found "${text}"`);
  }
  return Number(text);
}

/** Where `build` writes: `--out DIR`, else `dist` beside this file. Absolute. */
export function outFolder(args: readonly string[], cwd: string): string {
  const [flag, folder, ...rest] = args;
  if (flag === undefined) return join(import.meta.dir, "dist");
  if (flag !== "--out" || !folder || rest.length > 0) throw new UsageError("the only option is --out DIR");
  return resolve(cwd, folder);
}
