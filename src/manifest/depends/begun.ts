/**
 * The time limit of a manifest counts from the start of its evaluation. On a busy machine the child and Babel may take
 * seconds to start, which is not the manifest's fault. The child creates this file, beside its result, to mark the
 * start.
 */
export const BEGUN_FILE = "begun";

/** How long the child may take to start. */
export const START_LIMIT_MS = 30_000;

/** Set in the environment of a manifest while it loads, and so of a dt that it runs. */
export const LOADING = "DIALTONE_LOADING";
