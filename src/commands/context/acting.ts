/**
 * A person's act in a root: a command run by its words. It trusts the root, and what the root's manifests say now is what the daemon goes by from then on.
 * What runs by itself (a job, what a launch or a host runs) is no person's act: it follows the files, and the daemon does not follow it.
 */

import { type Taken, takeOver } from "../../manifest/cache/known.ts";
import { LOADING } from "../../manifest/depends/begun.ts";
import type { Talk } from "../../output/talk.ts";
import { readTrust, writeTrust } from "../../state/trust.ts";
import { NEEDS_MET } from "../../supervisor/launch/marks.ts";
import { homeDirectory } from "../../sys/places/paths.ts";
import type { RootRequest } from "../../sys/places/root.ts";
import { isTerminal } from "../../sys/stdio/stdio.ts";
import { isRegisteredIn, wordsOfTaken } from "./once.ts";
import type { Globals } from "./types.ts";

interface Place {
  root: string;
  home: string | null;
  env: Record<string, string>;
  talk: Pick<Talk, "say">;
  /** Not trusted until now. */
  isStrange: boolean;
}

/** Where the home cannot be written, trust is asked for by words each time, and the daemon goes on with what it knew. */
export function remember({ root, home, env, talk, isStrange }: Place, taken: readonly Taken[]): void {
  if (home === null) return;
  try {
    if (isStrange && isOfPerson(env)) writeTrust(home, root, "ran");
    const changed = isOfPerson(env) ? takeOver({ root, home, reading: "all" }, taken) : [];
    if (changed.length > 0 && isRegisteredIn(home, root)) talk.say(wordsOfTaken(root, changed));
  } catch {
    // a read-only or full home
  }
}

/** Whether a person types, and not a program that a launch, a job or a manifest runs. */
export function isOfPerson(env: Record<string, string>): boolean {
  const isIn = (...names: string[]) => names.some((name) => env[name] !== undefined);
  if (isIn(LOADING, NEEDS_MET)) return false;
  // Where a launch or a job handed its environment on, a terminal tells a person from a program.
  return !isIn("DIALTONE_KEY", "DIALTONE_JOB") || isTerminal(0);
}

/** How a root is looked for on behalf of a person: the owners that they accepted are theirs. */
export function rootRequest(
  globals: Pick<Globals, "root">,
  cwd: string | null,
  env: Record<string, string>,
  onPassed: (text: string) => void = () => {},
): RootRequest {
  return { directory: globals.root, cwd, env, acceptedOwner: (root) => acceptedOwnerOf(root, env), onPassed };
}

export function acceptedOwnerOf(root: string, env: Record<string, string>): number | null {
  const home = homeDirectory(env);
  return home === null ? null : (readTrust(home, root)?.owner ?? null);
}
