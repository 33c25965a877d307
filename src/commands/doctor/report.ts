/** What `dt doctor` prints of its findings, as text and as JSON. */
import type { Finding, FindingLevel, Repaired } from "../../inspect/doctor/types.ts";
import { formatLines } from "../../output/lines.ts";
import type { Paint } from "../../output/talk.ts";

/** A finding, and what `--fix` did about it. */
export type CheckedFinding = Finding & { repaired: Repaired | null };

export function needsAttention({ level, repaired }: CheckedFinding): boolean {
  return level === "attention" && repaired?.done !== true;
}

/** One finding of `dt doctor --json`. */
export interface FindingReport {
  check: Finding["check"];
  level: FindingLevel;
  key: string | null;
  text: string;
  hint: string | null;
  /** Whether `--fix` can repair it. */
  fixable: boolean;
  /** What `--fix` did; null without it. */
  repaired: Repaired | null;
  details: Record<string, unknown> | null;
}

export function reportOfFinding({
  check,
  level,
  key,
  text,
  hint,
  repair: fixing,
  repaired,
  details,
}: CheckedFinding): FindingReport {
  return { check, level, key, text, hint, fixable: fixing !== null, repaired, details };
}

const MARKS: Record<FindingLevel, { mark: string; color: keyof Paint }> = {
  fine: { mark: "ok", color: "green" },
  note: { mark: "note", color: "cyan" },
  attention: { mark: "attention", color: "red" },
};
const MARK_WIDTH = 11;

export function formatFindings(checked: readonly CheckedFinding[], paint: Paint): string {
  const lines = checked.flatMap(({ check, level, text, hint, repaired }) => {
    const { mark, color } = MARKS[level];
    const more =
      repaired !== null
        ? [repaired.done ? paint.green(`repaired: ${repaired.text}`) : paint.red(`not repaired: ${repaired.text}`)]
        : hint === null
          ? []
          : [paint.dim(hint)];
    // Only a manifest has several faults at once, one a line.
    const [first = "", ...rest] = [text, ...more].flatMap((one) => (check === "manifest" ? one.split("\n") : [one]));
    return [
      `${paint[color](mark)}${" ".repeat(MARK_WIDTH - mark.length)}${first}`,
      ...rest.map((line) => `${" ".repeat(MARK_WIDTH)}${line}`),
    ];
  });
  const left = checked.filter(needsAttention).length;
  const verdict = left === 0 ? "All is well." : `${left} ${left === 1 ? "thing needs" : "things need"} attention.`;
  return formatLines([...lines, paint.bold(verdict)]);
}
