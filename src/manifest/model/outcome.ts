/** What loading one manifest comes to; travels as JSON from the load child to dt and into the cache. No code but constructors. */
import type { ManifestFailure, ResolvedPlugin } from "./resolved.ts";

export type Outcome =
  | { is: "plugin"; plugin: ResolvedPlugin }
  /** A file that gives no plugin; `why` follows its name. */
  | { is: "helper"; why: string }
  | { is: "failure"; failure: ManifestFailure };

/** What an outcome came from, beside the files that its text names. */
export interface Seen {
  /** Files the loader imported, absolute, the manifest included. */
  imported: string[];
  /** Environment variables the manifest read while it was loaded, with a hash of each value; null: it was not set. */
  envRead: Record<string, string | null>;
  /** What it asked of the machine (`manifest/depends/questions.ts`), with the answers. */
  seen: Record<string, string>;
  /** What it did that nobody can ask about again: such an outcome is true for the call that made it. Null: nothing. */
  unknown: string | null;
}

export interface LoadResult extends Seen {
  outcome: Outcome;
  /** False when the next run may well end differently (no memory, a full disk): such a result is not cached. */
  lasting: boolean;
}

export const NOTHING_SEEN: Seen = { imported: [], envRead: {}, seen: {}, unknown: null };

export function failed(
  failure: Partial<ManifestFailure> & Pick<ManifestFailure, "file" | "code" | "message">,
): Outcome {
  return { is: "failure", failure: { hint: null, plugin: null, ...failure } };
}

/** A file among those a manifest is made of is not to be trusted. */
export function refusedOutcome(file: string, refused: { message: string; hint: string }): Outcome {
  return failed({ file, code: "permission", ...refused });
}
