/**
 * The time limit of a manifest counts from when its evaluation begins: on a busy machine the process that loads it, and Babel in it, may
 * take seconds to come up, which is no fault of the manifest. The child says so by a file beside its result.
 */
export const BEGUN_FILE = "begun";

/** How long the child may take to come up. */
export const START_LIMIT_MS = 30_000;

/** In the environment of a manifest that is being loaded, and so of a dt that it runs. */
export const LOADING = "DIALTONE_LOADING";
