/** What is at a path, for questions of the kind "is there a program of this name": whatever cannot be seen is not there. */
import { lstatSync, type Stats, statSync } from "node:fs";

/** Undefined when missing, below a file, in a directory that may not be searched, or no possible name. */
export function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

/** The same of what has the name itself, which may be a link. */
export function linkStatOf(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}
