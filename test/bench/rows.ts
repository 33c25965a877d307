/** One measured thing, ready to be shown and judged. */
import { BUDGETS } from "./budgets.ts";
import { median, quantile, ratio, type Series } from "./samples.ts";

export interface Row {
  /** What budgets.ts calls it. */
  id: string;
  what: string;
  unit: "ms" | "MB" | "x";
  median: number;
  /** Null for what was looked at once. */
  spread: { p10: number; p90: number } | null;
  /** Times the compiled hello world of the same rounds; null where that says nothing. */
  ratio: number | null;
}

export type Verdict = { is: "none" } | { is: "within" | "over"; budget: string };

export function rowOf(id: string, what: string, series: Series, base: Series | null, unit: Row["unit"] = "ms"): Row {
  return {
    id,
    what,
    unit,
    median: median(series),
    spread: { p10: quantile(series, 0.1), p90: quantile(series, 0.9) },
    ratio: base === null ? null : ratio(series, base),
  };
}

export function judge(row: Row): Verdict {
  const budget = BUDGETS[row.id];
  if (budget === undefined) return { is: "none" };
  const value = budget.of === "ratio" ? row.ratio : row.median;
  const text =
    budget.of === "ratio"
      ? `${budget.max} x hello`
      : row.unit === "x"
        ? `${budget.max} x`
        : `${budget.max} ${row.unit}`;
  return { is: value !== null && value <= budget.max ? "within" : "over", budget: text };
}
