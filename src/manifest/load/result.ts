/** Where the load child puts its result: a directory of this load's own, which no other user can replace. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { descend, descendInto } from "../../sys/door/descend.ts";
import { readOwn } from "../../sys/door/door.ts";
import { whoMaySwap } from "../../sys/places/ownplace.ts";
import { makePrivateDirectory } from "../../sys/places/privatedirectory.ts";
import type { LoadResult } from "../model/outcome.ts";

export interface ResultPlace {
  env: Record<string, string | undefined>;
  /** Used if the temporary directory cannot be. */
  cacheDir?: string;
}

/**
 * In the temporary directory, or in the cache directory if that is not possible: on a read-only system, where
 * DIALTONE_RUN_DIR moves the cache to a writable place, or where another user could replace the result. dt runs what
 * the result says.
 */
export function makeResultDirectory({ env, cacheDir }: ResultPlace): string {
  try {
    const temporary = env.TMPDIR || tmpdir();
    const swapper = whoMaySwap(temporary);
    if (swapper !== null) throw new Error(`files in ${temporary} could be replaced, since ${swapper}`);
    return mkdtempSync(join(temporary, "dt-load-"));
  } catch (error) {
    if (cacheDir === undefined) throw error;
    try {
      makePrivateDirectory(cacheDir);
      const made = descendInto(cacheDir, (at) => mkdtempSync(join(at, "dt-load-")));
      return join(cacheDir, basename(made));
    } catch {
      throw error; // the temporary directory is what a user would look at
    }
  }
}

export function readResult(path: string): LoadResult | null {
  try {
    return JSON.parse(readOwn(path).toString("utf8")) as LoadResult;
  } catch {
    return null; // never written: the child ended first
  }
}

/** If it cannot be removed it stays, and nothing depends on it. */
export function removeResult(directory: string): void {
  try {
    descend(directory, (at) => rmSync(at, { recursive: true, force: true }));
  } catch {
    // stays
  }
}
