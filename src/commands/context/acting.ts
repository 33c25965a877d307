/**
 * A user's act in a root: running a command by its words. It trusts the root and takes its manifests over as they are
 * now: the daemon goes by them from then on. A command that runs by itself (a job, or one that a launch or a host runs)
 * is not a user's act: it reads the files as they are, and takes nothing over.
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
  /** The root is not trusted yet. */
  isStrange: boolean;
}

/** If the home cannot be written, the user has to act again each time, and the daemon goes on with what it knew. */
export function remember({ root, home, env, talk, isStrange }: Place, taken: readonly Taken[]): void {
  if (home === null) return;
  try {
    if (isStrange && isOfPerson(env)) writeTrust(home, { root, how: "ran" });
    const changed = isOfPerson(env) ? takeOver({ root, home, reading: "all" }, { taken }) : [];
    if (changed.length > 0 && isRegisteredIn(home, root)) talk.say(wordsOfTaken(root, changed));
  } catch {
    // a read-only or full home
  }
}

/** Whether a person typed this call, and not a program that a launch, a job or a manifest runs. */
export function isOfPerson(env: Record<string, string>): boolean {
  const isIn = (...names: string[]) => names.some((name) => env[name] !== undefined);
  if (isIn(LOADING, NEEDS_MET)) return false;
  // If a launch or a job passed its environment on, a terminal tells a person from a program.
  return !isIn("DIALTONE_KEY", "DIALTONE_JOB") || isTerminal(0);
}

interface RootCaller {
  cwd: string | null;
  env: Record<string, string>;
  onPassed?: ((text: string) => void) | undefined;
}

/** How a root is looked for on behalf of the user: an owner that the user accepted counts as the user. */
export function rootRequest(
  globals: Pick<Globals, "root">,
  { cwd, env, onPassed = () => {} }: RootCaller,
): RootRequest {
  return { directory: globals.root, cwd, env, acceptedOwner: (root) => acceptedOwnerOf(root, env), onPassed };
}

export function acceptedOwnerOf(root: string, env: Record<string, string>): number | null {
  const home = homeDirectory(env);
  return home === null ? null : (readTrust(home, root)?.owner ?? null);
}
