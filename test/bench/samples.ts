/**
 * Samples taken in turns, and what is said of them: medians and spread, never means, since a busy machine has a long
 * tail.
 */

export interface Series {
  /** One a round, in milliseconds or whatever unit the row has. */
  values: number[];
}

/**
 * Takes one sample of everything a round, each round in another order: what slows the machine down for a while slows
 * all of them, and nobody always runs after the same neighbour.
 */
export async function takeTurns<Name extends string>(
  rounds: number,
  samplers: Record<Name, () => number | Promise<number>>,
): Promise<Record<Name, Series>> {
  const names = Object.keys(samplers) as Name[];
  const series = Object.fromEntries(names.map((name) => [name, { values: [] }])) as unknown as Record<Name, Series>;
  for (const name of names) await samplers[name](); // once unmeasured: the page cache and dt's own cache are warm in use
  for (let round = 0; round < rounds; round++) {
    for (const name of shuffled(names)) series[name].values.push(await samplers[name]());
  }
  return series;
}

export function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, place: Math.random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item);
}

/** Linear between the two nearest values. */
export function quantile({ values }: Series, q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const below = sorted[Math.floor(at)] ?? Number.NaN;
  const above = sorted[Math.ceil(at)] ?? Number.NaN;
  return below + (above - below) * (at - Math.floor(at));
}

export function median(series: Series): number {
  return quantile(series, 0.5);
}

/** The median of each round's own ratio, so that both sides of every division were taken within the same moment. */
export function ratio(series: Series, base: Series): number {
  return median({ values: series.values.map((value, round) => value / (base.values[round] ?? Number.NaN)) });
}
