/** The binary starts with a compiler that waits longer than usual (build.ts), since most calls are short. */

/** To be called by what may work for long: searching a log, the daemon. */
export function expectLongWork(): void {
  Bun.unsafe.setJITPolicy(1);
}
