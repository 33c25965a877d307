/** The error for something that is in the place of one of dt's files and is not dt's. */
import { DtError } from "../base/error.ts";
import { quoteWord } from "../text/shell.ts";

/** `what` continues the sentence after the path: `is a symbolic link`. */
export function unsafe(path: string, what: string): DtError {
  return new DtError("unsafe-file", `${path} ${what}; dt keeps its state only in regular files that it made itself.`, {
    hint: `See what it is (ls -l), and move it away: mv ${quoteWord(path)} ${quoteWord(`${path}.old`)}`,
    details: { path },
  });
}
