/**
 * What a host's process serves: works, each a launch or the launches of one `dt up`. The process ends with the last of
 * them.
 */
import type { Followed } from "../../sys/files/follow.ts";
import { currentOpenFiles } from "../../sys/spawn/limits.ts";
import { type Admission, makeAdmission } from "../host/admission.ts";
import type { Ground } from "../launch/types.ts";
import { release } from "../run/notes.ts";
import { makeShares, type Shares } from "../run/shares.ts";
import type { EndingRequest, HostControl } from "../run/types.ts";
import { watchManyMembers } from "./members.ts";

/** What a host's process knows of itself: how it starts dt, and its environment. */
export interface HostProcess {
  self: readonly string[];
  env: Record<string, string | undefined>;
}

export interface HostWork {
  /** Launches, and starts under way. */
  count(): number;
  keys(): readonly string[];
  stop(request: EndingRequest): void;
  /** Takes the requests for a restart. */
  claim(): void;
}

export interface Hosting {
  process: HostProcess;
  /** One for all, so that a search knows what another one has seen. */
  table: Ground["table"];
  /** It serves one caller alone, and so perhaps one launch. */
  isOwn: boolean;
  /** An orphan may be a stranger: see `Ground`. */
  bystanders: boolean;
  watchMembers: NonNullable<HostControl["watchMembers"]>;
  /** Folders of roots that it keeps open, by the path by which callers named them. */
  followed: Map<string, Followed>;
  /** The same object for the same environment, as most callers have it. */
  sharedEnv(env: Record<string, string>): Record<string, string>;
  works: ReadonlySet<HostWork>;
  /** Who waits for the same launch. */
  shares: Shares;
  admission: Admission;
  /** Serves it until it is over. The host ends with its last work. */
  serve(work: HostWork, done: Promise<unknown>): void;
  /** Lets go of a launch that another process, or another start here, has taken over. */
  release(ground: Ground, token: string): void;
  /** True once the host takes no more requests. */
  isLeaving(): boolean;
  /** Resolves when the host has nothing more to serve. */
  over: Promise<void>;
}

/** How long a caller that was greeted is waited for, in milliseconds. */
const ASK_MS = 300;

interface Given {
  process: HostProcess;
  isOwn: boolean;
  table: Ground["table"];
  /** Callers that it has greeted, and that have not asked yet. */
  waiting(): number;
  /** Reports an orphan that no launch owns. */
  onStray(text: string): void;
}

export function makeHosting({ process: own, isOwn, table, waiting, onStray }: Given): Hosting {
  const works = new Set<HostWork>();
  const over = Promise.withResolvers<void>();
  const bystanders = process.pid === 1 || table.childrenOf(process.pid).length > 0;
  table.becomeSubreaper();
  let isLeaving = false;
  /** A caller that was greeted asks at once, unless it waits for something itself. */
  const leaveWhenUnasked = async () => {
    const deadline = performance.now() + ASK_MS;
    while (!isLeaving && works.size === 0 && waiting() > 0 && performance.now() < deadline) await Bun.sleep(1);
    if (works.size > 0) return;
    isLeaving = true;
    over.resolve();
  };
  const count = () => [...works].reduce((sum, work) => sum + work.count(), 0);
  return {
    process: own,
    table,
    isOwn,
    bystanders,
    followed: new Map(),
    watchMembers: watchManyMembers({ table, bystanders }, onStray),
    sharedEnv: makeSharedEnv(),
    works,
    shares: makeShares(),
    admission: makeAdmission(Number(currentOpenFiles())),
    serve(work, done) {
      works.add(work);
      const end = () => {
        works.delete(work);
        void leaveWhenUnasked();
      };
      done.then(end, end);
    },
    release(ground, token) {
      // The process that waits for this host sees its end. From here on it takes nothing new.
      if (count() <= 1 && waiting() === 0) isLeaving = true;
      else release(ground, token);
    },
    isLeaving: () => isLeaving,
    over: over.promise,
  };
}

function makeSharedEnv(): Hosting["sharedEnv"] {
  let last = { text: "", env: {} as Record<string, string> };
  return (env) => {
    const text = JSON.stringify(env);
    if (text !== last.text) last = { text, env };
    return last.env;
  };
}
