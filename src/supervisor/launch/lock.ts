/** A key's lock: only its holder changes the key's launch. Every lock of a key is taken here. */
import type { Store } from "../../state/store.ts";
import { acquireLock, type HeldLock, type LockRequest, readHolder } from "../../sys/lock/lock.ts";
import { presenceOf } from "../../sys/process/identity.ts";
import type { Site } from "./types.ts";

/** How long a start waits for the key's lock: a stop that holds it may take its whole timeout. */
export const LOCK_TIMEOUT_MS = 30_000;

export function lockPathOf(store: Pick<Store, "path">, key: string): string {
  return store.path(key, "lock");
}

/** Throws `lock-timeout` (exit 4). */
export function lockKey(
  { store, table, lockBackend }: Pick<Site, "store" | "table" | "lockBackend">,
  { key, ...request }: { key: string } & Omit<LockRequest, "path" | "seal" | "table" | "backend">,
): Promise<HeldLock> {
  // Computed again at each try: the root may be moved meanwhile.
  return acquireLock({
    path: () => lockPathOf(store, key),
    seal: store.seal,
    table,
    backend: lockBackend,
    ...request,
  });
}

/** Which process holds the key's lock, living or not. */
export function keyHolder({ store }: Pick<Site, "store">, key: string): ReturnType<typeof readHolder> {
  return readHolder(lockPathOf(store, key), { seal: store.seal });
}

/** Whether a living process holds the key's lock. */
export function isKeyLocked({ store, table }: Pick<Site, "store" | "table">, key: string): boolean {
  const lock = keyHolder({ store }, key);
  return lock.is === "there" && presenceOf(table, lock.value.holder) === "alive";
}
