/**
 * Jobs as they are on disk: one sealed file per job in `jobs/` of the root's run directory, its output and its list of
 * paths beside it. Only the newest are kept.
 */
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { World } from "../supervisor/ground/ground.ts";
import { descendInto } from "../sys/door/descend.ts";
import { removeOwn } from "../sys/files/removal.ts";
import { runDirectoryOf } from "../sys/places/paths.ts";
import { checkPrivateDirectory } from "../sys/places/privatedirectory.ts";
import { makeSeal, type Seal } from "../sys/seal/seal.ts";
import { readSealed, writeSealed } from "../sys/seal/sealed.ts";
import type { JobFile } from "./types.ts";

/** Earlier jobs that are kept, of each root. */
export const KEPT = 200;

export interface JobPlace {
  directory: string;
  /** Of the run directory. */
  seal: Seal;
}

export function jobPlaceOf({ env, home }: Pick<World, "env" | "home">, root: string): JobPlace {
  const run = runDirectoryOf(root, env);
  return { directory: join(run, "jobs"), seal: makeSeal(run, home) };
}

/** Null when it is not there, or cannot be read. */
export function readJob(place: JobPlace, id: string): JobFile | null {
  return readJobFile(place, `${id}.json`);
}

/** The newest first. */
export function readJobs(place: JobPlace, limit: number): JobFile[] {
  return namesIn(place.directory)
    .slice(0, limit)
    .flatMap((name) => {
      const job = readJobFile(place, name);
      return job?.version === 1 ? [job] : [];
    });
}

export function writeJob({ directory, seal }: JobPlace, job: JobFile): void {
  writeSealed(join(directory, `${job.id}.json`), { seal, value: job });
}

/** Removes all but the newest. */
export function pruneJobs({ directory }: JobPlace): void {
  for (const name of namesIn(directory).slice(KEPT)) {
    for (const more of ["json", "log", "paths"]) {
      const path = join(directory, name.replace(/json$/, more));
      if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) removeOwn(path);
    }
  }
}

function readJobFile({ directory, seal }: JobPlace, name: string): JobFile | null {
  const read = readSealed(join(directory, name), { seal, check: (value) => value as JobFile });
  return read.is === "there" ? read.value : null;
}

/** The newest first; none where the directory is not dt's own. */
function namesIn(directory: string): string[] {
  try {
    checkPrivateDirectory(directory);
    return descendInto(directory, (at) => readdirSync(at))
      .filter((name) => name.endsWith(".json"))
      .sort()
      .reverse();
  } catch {
    return [];
  }
}
