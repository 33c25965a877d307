/** What a group of measurements gives back, and its figures. */
import { median, quantile, ratio, type Series } from "../samples.ts";
import type { Cell, MeasureId } from "./types.ts";

export interface Found {
  /** By peer. */
  cells: Record<string, Partial<Record<MeasureId, Cell>>>;
  /** How long the compiled hello world took in the same rounds. */
  hello: number[];
}

/** `base` has the hello world of the same rounds. */
export function pairedCell(series: Series, base: Series): Cell {
  return { ...plainCell(series), ratio: rounded(ratio(series, base)) };
}

export function plainCell(series: Series): Cell {
  return {
    median: rounded(median(series)),
    p10: rounded(quantile(series, 0.1)),
    p90: rounded(quantile(series, 0.9)),
  };
}

/** Three digits say all that a run can know. */
export function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
