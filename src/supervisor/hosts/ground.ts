/** The ground of a request, as its caller has it, for this process. */
import { openStore } from "../../state/store.ts";
import { type Followed, followDirectory } from "../../sys/files/follow.ts";
import type { LockBackend } from "../../sys/lock/lock.ts";
import type { HostAsk, HostGround } from "../callers/wire.ts";
import { makeMoving } from "../ground/moving.ts";
import { makeGround } from "../launch/ground.ts";
import type { Ground } from "../launch/types.ts";
import { callerEnvironment, hostEnvironment } from "../prepare/selfenv.ts";
import { dropUnclaimed } from "../ticket/namehost.ts";
import type { Hosting } from "./hosting.ts";

interface GroundOfRequest {
  ground: HostGround;
  env: Record<string, string>;
}

export function groundOfRequest(
  { process: { self }, table, isOwn, bystanders, followed }: Hosting,
  { ground: given, env }: GroundOfRequest,
): Ground {
  const store = openStore({ directory: given.runDirectory, home: given.home, table });
  const ground = makeGround({
    table: () => table,
    store: () => store,
    root: given.root,
    home: given.home,
    env: callerEnvironment(hostEnvironment(env, given.root)),
    cache: given.cache,
    self,
    openFiles: () => (given.openFiles === null ? null : BigInt(given.openFiles)),
    lockBackend: (given.lockBackend as LockBackend | null) ?? undefined,
    ...(given.reading === undefined ? {} : { reading: given.reading }),
    isStrange: () => given.isStrange,
    owner: given.owner ?? null,
    bystanders,
    ...(isOwn ? {} : { shared: true }),
  });
  return makeMoving(ground, followRoot(followed, given.root));
}

/** Nothing of the request is begun: starts whose caller was killed after it had named this host are not under way. */
export function dropDeclined(hosting: Hosting, request: HostAsk): void {
  try {
    const ground = groundOfRequest(hosting, request);
    if (request.is === "start") dropUnclaimed(ground, request.spec);
    if (request.is === "up") for (const { run } of request.nodes) dropUnclaimed(ground, run.spec);
  } catch {
    // nobody judged what it says: the next stop takes the starts off the list
  }
}

/** One open directory for all launches of a root, until another folder takes its place. */
function followRoot(followed: Hosting["followed"], root: string): Followed {
  const known = followed.get(root);
  if (known?.isInPlace() === true) return known;
  const now = followDirectory(root);
  followed.set(root, now);
  return now;
}
