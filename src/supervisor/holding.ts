/** A host holds on to its launch from before the record names it to the launch's end (sys/hold.ts); with each run to that run's token. */
import { takeHold } from "../sys/hold.ts";
import type { Ground } from "./types.ts";

/** Whether there is a hold: to be noted in the record. The key's fence is there by now. */
export function holdOn(ground: Ground, key: string, token: string): boolean {
  const hold = takeHold(ground.store.path(key, "fence"), token);
  letGo(ground, key);
  if (hold === null) return false;
  ground.holds ??= new Map();
  ground.holds.set(key, hold);
  return true;
}

export function letGo({ holds }: Pick<Ground, "holds">, key: string): void {
  holds?.get(key)?.release();
  holds?.delete(key);
}
