/** Endings tried for an import without one, in this order; the loader resolves by it and the closure watches by it. */
export const IMPORT_EXTENSIONS = [".ts", ".mts", ".cts", ".tsx", ".js", ".mjs", ".cjs", ".json"];
