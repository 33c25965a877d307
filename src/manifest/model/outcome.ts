/**
 * The outcome of loading one manifest. It passes as JSON from the load child to dt and into the cache. No code but
 * constructors.
 */
import type { ManifestFailure, ResolvedPlugin } from "./resolved.ts";

export type Outcome =
  | { is: "plugin"; plugin: ResolvedPlugin }
  /** A file that yields no plugin; `why` follows its name. */
  | { is: "helper"; why: string }
  | { is: "failure"; failure: ManifestFailure };

/** What an outcome depends on, besides the files that the manifest's text names. */
export interface Dependencies {
  /** Files the loader imported, absolute, the manifest included. */
  imported: string[];
  /**
   * Environment variables that the manifest read while loading, with a hash of each value; null for one that was not
   * set.
   */
  envRead: Record<string, string | null>;
  /** What it asked of the machine (`manifest/depends/questions.ts`), with the answers. */
  seen: Record<string, string>;
  /** Something it did whose result dt cannot check again, so the outcome holds only for this call. Null: nothing. */
  unknown: string | null;
}

export interface LoadResult extends Dependencies {
  outcome: Outcome;
  /** False when the next load may well end differently (no memory, a full disk); such a result is not cached. */
  lasting: boolean;
}

export const NOTHING_SEEN: Dependencies = { imported: [], envRead: {}, seen: {}, unknown: null };

export function failed(
  failure: Partial<ManifestFailure> & Pick<ManifestFailure, "file" | "code" | "message">,
): Outcome {
  return { is: "failure", failure: { hint: null, plugin: null, ...failure } };
}

/** The failure of a manifest one of whose files dt does not trust. */
export function refusedOutcome(file: string, refused: { message: string; hint: string }): Outcome {
  return failed({ file, code: "permission", ...refused });
}
