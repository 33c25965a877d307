/** Several keys are stopped at once, and a call has one exit status. */
import type { Talk } from "../../output/talk.ts";
import { DtError } from "../../sys/base/error.ts";

/**
 * The failure with the highest exit status, which decides that of the call; the others are printed as warnings. Null
 * when nothing failed. Throws an error that is no DtError, which is a bug of dt.
 */
export function worstFailure(
  outcomes: readonly PromiseSettledResult<unknown>[],
  { warn }: Pick<Talk, "warn">,
): DtError | null {
  const errors = outcomes.flatMap((one) => (one.status === "rejected" ? [one.reason as unknown] : []));
  const known = errors.filter((error): error is DtError => error instanceof DtError);
  const bug = errors.find((error) => !(error instanceof DtError));
  if (bug !== undefined) throw bug;
  const worst = known.sort((a, b) => b.status - a.status)[0];
  for (const error of known) if (error !== worst) warn(error.sentence, error.lines);
  return worst ?? null;
}
