/** A host holds on to its launch from before the record names it to the launch's end (sys/lock/hold.ts); with each run to that run's token. */
import type { LaunchRecord } from "../../state/types.ts";
import { takeHold } from "../../sys/lock/hold.ts";
import type { Ground } from "./types.ts";

/** The record, saying whether its host holds on to it. To be called again where the run directory was made again. */
export function holdOn(ground: Ground, { held: _, ...record }: LaunchRecord): LaunchRecord {
  const { key, token } = record;
  // Before, not after: of the same token, its own hold would be in the way.
  letGo(ground, key);
  const hold = takeHold(ground.store.path(key, "fence"), token);
  if (hold === null) return record;
  ground.holds ??= new Map();
  ground.holds.set(key, hold);
  return { ...record, held: true };
}

export function letGo({ holds }: Pick<Ground, "holds">, key: string): void {
  holds?.get(key)?.release();
  holds?.delete(key);
}
