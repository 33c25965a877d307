/**
 * The signals that this process has blocked. Only it can tell: while it waits in its event loop, the kernel shows
 * others the mask of that wait.
 */
import { libc, ptr } from "../ffi/libc.ts";
import { canReadInherited, type Inherited, withoutLibcs } from "./inherited.ts";

/** The same on every system: <signal.h>, sigprocmask(2). With no mask given, nothing is blocked. */
const SIG_BLOCK = 0;
const MASK_WORDS = 16;

/** As in `Inherited`. */
export function ownBlocked(): Inherited["blocked"] {
  if (!canReadInherited) return "0";
  const mask = new BigUint64Array(MASK_WORDS);
  libc().pthread_sigmask(SIG_BLOCK, null, ptr(mask));
  return withoutLibcs(mask[0] as bigint);
}
