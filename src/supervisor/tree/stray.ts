/** Launches of a root that no longer exists: no record describes them, but each process carries root, key and token. */
import { statSync } from "node:fs";
import { errnoOf } from "../../sys/base/error.ts";
import type { ProcessIdentity, ProcessTable } from "../../sys/process/identity.ts";
import { identify, presenceOf } from "../../sys/process/identity.ts";
import { makeTreeQuery } from "./query.ts";
import { type StopTreeResult, stopTree } from "./stoptree.ts";
import type { Carriers, Whereabouts } from "./whereabouts.ts";

export type Stray = Carriers;

/** What runs in a root that was moved is no stray. */
export function findStrays(where: Whereabouts): Stray[] {
  return where
    .carriers()
    .filter(
      ({ root, key, token }) => isGone(root) && !where.isMoved({ root, key }, (record) => record.token === token),
    );
}

/** A file in the root's place is no root. A path that must not or cannot be looked at now is not gone. */
function isGone(path: string): boolean {
  try {
    return !statSync(path).isDirectory();
  } catch (error) {
    return ["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "");
  }
}

const TIMEOUT_MS = 10_000;
const LOOK_EVERY_MS = 10;

/**
 * Stops the stray's processes, then the hosts of its root that are left, which have nothing to serve and nowhere to
 * write. Such a host may begin something meanwhile, as it does when its launch ends; that is stopped last.
 */
export async function stopStray(
  table: ProcessTable,
  { where, stray: { root, key, token } }: { where: Whereabouts; stray: Stray },
): Promise<StopTreeResult> {
  const query = makeTreeQuery({ key, root, token });
  const stop = () => stopTree({ table, query, signal: "SIGTERM", timeoutMs: TIMEOUT_MS, wholeTree: true });
  const stopped = await stop();
  const hosts = where.idleHosts(root).map((entry) => identify(table, entry));
  await Promise.all(hosts.map((host) => endHost(table, host)));
  return stopped.survivors.length === 0 ? stopped : stop();
}

const SIGTERM = 15;
const SIGKILL = 9;
const HOST_GRACE_MS = 2000;

async function endHost(table: ProcessTable, host: ProcessIdentity): Promise<void> {
  const deadline = performance.now() + HOST_GRACE_MS;
  table.signal(host, SIGTERM);
  while (presenceOf(table, host) === "alive") {
    if (performance.now() > deadline) return void table.signal(host, SIGKILL);
    await Bun.sleep(LOOK_EVERY_MS);
  }
}
