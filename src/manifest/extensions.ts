import { extname } from "node:path";

/** Endings tried for an import without one, in this order; the loader resolves by it and the closure watches by it. */
export const IMPORT_EXTENSIONS = [".ts", ".mts", ".cts", ".tsx", ".js", ".mjs", ".cjs", ".json"];

const DATA = new Set([".json", ".yaml", ".yml", ".toml"]);

/** Whether a manifest is parsed, and nothing of it evaluated: what is not is code, whatever it is named. */
export function isData(file: string): boolean {
  return DATA.has(extname(file));
}
