import { extname } from "node:path";

/** Endings tried for an import without one, in this order; the loader resolves by it and the closure watches by it. */
export const IMPORT_EXTENSIONS = [".ts", ".mts", ".cts", ".tsx", ".js", ".mjs", ".cjs", ".json"];

const DATA = new Set([".json", ".yaml", ".yml", ".toml"]);

const CODE = new Set([".ts", ".mts", ".cts", ".js", ".mjs", ".cjs"]);

/** Data by its ending in any case; code as the loader takes it. */
export function isManifestEnding(ending: string): boolean {
  return CODE.has(ending) || DATA.has(ending.toLowerCase());
}

/** What somebody may take for a manifest's, and is none: such a file is named, not passed by. */
export function isNearEnding(ending: string): boolean {
  return CODE.has(ending.toLowerCase()) || [".tsx", ".jsx", ".jsonc", ".json5"].includes(ending.toLowerCase());
}

/** Whether a manifest is parsed, and nothing of it evaluated: what is not is code, whatever it is named. */
export function isData(file: string): boolean {
  return DATA.has(extname(file).toLowerCase());
}
