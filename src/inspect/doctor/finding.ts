/** Making findings. */
import { FLAG } from "../../sys/text/flags.ts";
import type { CheckName, Finding, FindingLevel } from "./types.ts";

type Rest = Partial<Pick<Finding, "key" | "hint" | "details" | "repair">>;

export function makeFinding(
  check: CheckName,
  { level, text, ...rest }: { level: FindingLevel; text: string } & Rest,
): Finding {
  return { check, level, text, key: null, hint: null, details: null, repair: null, ...rest };
}

/** The hint for a finding that `--fix` repairs. */
export const FIX = `dt doctor ${FLAG.fix}`;
