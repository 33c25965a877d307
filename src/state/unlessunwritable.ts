/** For notes without which the work goes on. */
import { DtError } from "../sys/base/error.ts";

/** A disk that is full or read-only does not prevent what comes after. */
export function unlessUnwritable(note: () => void): void {
  try {
    note();
  } catch (error) {
    if (!(error instanceof DtError)) throw error;
  }
}
