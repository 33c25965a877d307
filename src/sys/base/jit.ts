/** The binary's JIT compiles code later than usual (build.ts), because most calls are short. */

/** Call from code that may run for long: searching a log, the daemon. */
export function expectLongWork(): void {
  Bun.unsafe.setJITPolicy(1);
}
