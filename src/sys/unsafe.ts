/** What stands in the place of one of dt's files and is none of dt's. */
import { DtError } from "./error.ts";
import { quoteWord } from "./shell.ts";

/** `what` goes on from the path: `is a symbolic link`. */
export function unsafe(path: string, what: string): DtError {
  return new DtError("unsafe-file", `${path} ${what}; dt keeps its state only in regular files that it made itself.`, {
    hint: `See what it is (ls -l), and move it away: mv ${quoteWord(path)} ${quoteWord(`${path}.old`)}`,
    details: { path },
  });
}
