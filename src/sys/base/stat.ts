/**
 * What is at a path, for questions like "is there a program of this name": a path that cannot be seen counts as
 * missing.
 */
import { lstatSync, type Stats, statSync } from "node:fs";

/** Missing is the usual answer, and an error costs as much as a dozen answers. */
const NO_ERROR = { throwIfNoEntry: false } as const;

/** Undefined when missing, below a file, in a directory that may not be searched, or not a possible name. */
export function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, NO_ERROR);
  } catch {
    return undefined;
  }
}

/** The same without following a link at the path itself. */
export function linkStatOf(path: string): Stats | undefined {
  try {
    return lstatSync(path, NO_ERROR);
  } catch {
    return undefined;
  }
}
