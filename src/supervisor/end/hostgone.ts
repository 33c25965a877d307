/** Waits until the host of a launch that is being ended is gone, or has released it. */
import type { LaunchRecord } from "../../state/types.ts";
import { DtError } from "../../sys/base/error.ts";
import { identifySelf, presenceOf, sameIdentity } from "../../sys/process/identity.ts";
import type { Site } from "../launch/types.ts";
import { SIGKILL } from "../tree/stoptree.ts";

/** How long a host may take to leave. Hosts are crash-only, so after that it may be killed. */
const HOST_GRACE_MS = 2000;

/**
 * A record without a leader: its host was killed between writing the record ahead and recording the leader. First that
 * host must be gone, then no process may be between fork and exec (the fence); only then do the tokens find every
 * process.
 */
export async function finishUnknownLeader(
  ground: Site,
  { record, isOwn = false }: { record: LaunchRecord; isOwn?: boolean | undefined },
): Promise<void> {
  if (record.leader !== null || isOwn) return;
  await waitForHostGone(ground, record);
  const { tryFlock } = await import("../../sys/files/flock.ts");
  const deadline = performance.now() + HOST_GRACE_MS;
  for (;;) {
    const fence = tryFlock(ground.store.path(record.key, "fence"));
    if (fence.is === "held") return fence.lock.release();
    if (fence.is === "unsupported" || performance.now() > deadline) return;
    await Bun.sleep(2);
  }
}

/**
 * Returns when the host is verified gone; it is killed after the grace, since a frozen host could serve its key again
 * later. A host of many notes that it released this launch, and stays. If it has to be killed, its other launches are
 * left without a host until the root's next host serves them.
 */
export async function waitForHostGone({ table, store }: Site, record: LaunchRecord): Promise<void> {
  const isReleased = makeReleasedLook(store, record);
  const deadline = performance.now() + HOST_GRACE_MS;
  let killed = false;
  while (presenceOf(table, record.host) === "alive" && !isReleased()) {
    if (performance.now() > deadline) {
      // This very process may be the launch's host, which serves it beside this start.
      if (!killed && !sameIdentity(record.host, identifySelf(table))) table.signal(record.host, SIGKILL);
      killed = true;
      if (performance.now() > deadline + HOST_GRACE_MS) {
        throw new DtError(
          "host-stuck",
          `The old host of ${record.key} (pid ${record.host.pid}) does not end, even after SIGKILL.`,
        );
      }
    }
    await Bun.sleep(1);
  }
}

/** The history is read again only when it was written again: its host is asked often. */
function makeReleasedLook(store: Site["store"], { shared, token }: LaunchRecord): () => boolean {
  let stamp: string | null = null;
  return () => {
    const now = shared === true ? store.historyStamp(token) : stamp;
    if (now === stamp) return false;
    stamp = now;
    const history = store.history(token);
    return history.is === "there" && history.value.released !== undefined;
  };
}
