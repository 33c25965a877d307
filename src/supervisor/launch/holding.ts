/**
 * A host's hold on its launch (sys/lock/hold.ts): it is taken before the record names the host and kept until the
 * launch ends. With each run, the hold moves to that run's token.
 */
import type { LaunchRecord } from "../../state/types.ts";
import { takeHold } from "../../sys/lock/hold.ts";
import type { Ground } from "./types.ts";

/**
 * Returns the record, noting whether its host has a hold on it. Call it again after the run directory was recreated.
 */
export function holdOn(ground: Ground, { held: _, ...record }: LaunchRecord): LaunchRecord {
  const { key, token } = record;
  // Let go first: this process's own hold on the same token would be in the way.
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
