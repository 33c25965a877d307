/** The error of something that must fail; it throws when nothing fails. */
import type { DtError } from "../../src/sys/base/error.ts";

export type Failure = DtError & NodeJS.ErrnoException;

/** What a call throws. */
export function failure(run: () => unknown): Failure {
  try {
    run();
  } catch (error) {
    return error as Failure;
  }
  throw new Error("it did not fail");
}

/** What a promise is rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<Failure> {
  return promise.then(
    () => {
      throw new Error("it did not fail");
    },
    (error: Failure) => error,
  );
}
