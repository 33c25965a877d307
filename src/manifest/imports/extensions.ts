import { extname } from "node:path";

/**
 * Extensions tried, in this order, for an import without one; the loader resolves with them, the closure watches them.
 */
export const IMPORT_EXTENSIONS = [".ts", ".mts", ".cts", ".tsx", ".js", ".mjs", ".cjs", ".json"];

const DATA = new Set([".json", ".yaml", ".yml", ".toml"]);

const CODE = new Set([".ts", ".mts", ".cts", ".js", ".mjs", ".cjs"]);

/** For data, upper and lower case are equal; for code, only what the loader accepts counts. */
export function isManifestEnding(ending: string): boolean {
  return CODE.has(ending) || DATA.has(ending.toLowerCase());
}

/** Extensions that a user may mistake for a manifest's: such a file is reported, not ignored. */
export function isNearEnding(ending: string): boolean {
  return CODE.has(ending.toLowerCase()) || [".tsx", ".jsx", ".jsonc", ".json5"].includes(ending.toLowerCase());
}

/** Whether a manifest is only parsed, never evaluated. Every other file is code, whatever its name. */
export function isData(file: string): boolean {
  return DATA.has(extname(file).toLowerCase());
}
