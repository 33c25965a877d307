/** What a call throws; throws where it does not. */
import type { DtError } from "../../src/sys/base/error.ts";

export function failure(run: () => unknown): DtError & NodeJS.ErrnoException {
  try {
    run();
  } catch (error) {
    return error as DtError;
  }
  throw new Error("it did not fail");
}
