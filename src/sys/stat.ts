/** What is at a path, for questions of the kind "is there a program of this name": whatever cannot be seen is not there. */
import { lstatSync, type Stats, statSync } from "node:fs";

/** What is missing is the usual answer, and an error costs as much as a dozen answers. */
const NO_ERROR = { throwIfNoEntry: false } as const;

/** Undefined when missing, below a file, in a directory that may not be searched, or no possible name. */
export function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, NO_ERROR);
  } catch {
    return undefined;
  }
}

/** The same of what has the name itself, which may be a link. */
export function linkStatOf(path: string): Stats | undefined {
  try {
    return lstatSync(path, NO_ERROR);
  } catch {
    return undefined;
  }
}
