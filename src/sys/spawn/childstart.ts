/** The limits, the lineage and the signal mask with which a child of dt starts. */
import { lazy } from "../base/lazy.ts";
import { libc, ptr } from "../ffi/libc.ts";
import { type Difference, differenceFrom, ownInheritance } from "../inherit/inheritance.ts";
import { type Inherited, RLIMIT_NOFILE } from "../inherit/inherited.ts";
import { isLineage, RLIMIT_LOCKS } from "../process/lineage.ts";
import { setOpenFiles } from "./limits.ts";

const DARWIN = process.platform === "darwin";
/** From <signal.h>; XNU bsd/sys/signal.h. */
const SIG_SETMASK = DARWIN ? 3 : 2;
/** RLIM_INFINITY of Linux, <sys/resource.h>. */
const UNLIMITED = 2n ** 64n - 1n;

/**
 * Sets the lineage, or removes the inherited one (null). Returns the previous soft limit, or null when nothing was
 * changed. A limit that an administrator set (a finite hard limit) stays.
 */
function setLineage(lineage: bigint | null): bigint | null {
  if (DARWIN) return null;
  const limits = new BigUint64Array(2);
  if (libc().getrlimit(RLIMIT_LOCKS, ptr(limits)) !== 0) return null;
  const [before, most] = limits as unknown as [bigint, bigint];
  if (most !== UNLIMITED || (lineage === null && !isLineage(before))) return null;
  limits[0] = lineage ?? UNLIMITED;
  return libc().setrlimit(RLIMIT_LOCKS, ptr(limits)) === 0 ? before : null;
}

function restoreLineage(soft: bigint): void {
  libc().setrlimit(RLIMIT_LOCKS, ptr(new BigUint64Array([soft, UNLIMITED])));
}

export interface ChildStart {
  /** The soft limit of open files; null: this process's own. */
  openFiles: bigint | null;
  /** Null: none. Default: this process's own. */
  lineage?: bigint | null | undefined;
  /** What the child inherits. Default: what this process passes on. */
  inherits?: Inherited | null | undefined;
}

/** What the child that is being started must set of itself before it becomes its program. */
export const startingWith = lazy((): { difference: Difference | null } => ({ difference: null }));

/**
 * Runs `spawn` with an empty signal mask and these limits, then restores dt's own. What this process cannot change of
 * itself for so long, the child changes (sys/spawn/bunspawn.ts).
 */
export function withCleanLimits<T>({ openFiles, lineage, inherits }: ChildStart, spawn: () => T): T {
  const mask = new Uint8Array(128);
  libc().pthread_sigmask(SIG_SETMASK, ptr(new Uint8Array(128)), ptr(mask));
  const files = inherits == null ? openFiles : softFilesOf(inherits);
  const before = files === null ? null : setOpenFiles(files);
  const outer = lineage === undefined ? null : setLineage(lineage);
  const own = inherits == null ? null : ownInheritance();
  startingWith().difference = own === null || inherits == null ? null : differenceFrom(own, inherits);
  try {
    return spawn();
  } finally {
    startingWith().difference = null;
    libc().pthread_sigmask(SIG_SETMASK, ptr(mask), null);
    if (before !== null) setOpenFiles(before);
    if (outer !== null) restoreLineage(outer);
  }
}

function softFilesOf({ limits }: Inherited): bigint | null {
  const soft = limits[RLIMIT_NOFILE]?.[0];
  return soft === undefined || soft === "unlimited" ? null : BigInt(soft);
}
