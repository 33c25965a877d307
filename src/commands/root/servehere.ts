/**
 * After `dt daemon start` in a root, the daemon serves that root if its manifests ask for it.
 *
 *   where it is typed                             then
 *   -------------------------------------------   -------------------------------------------------------------
 *   in a root with `watch`, `schedule`, `boot`    it is registered, as by `dt boot add`, and that is said
 *   in a root that is registered already          that is said; what changed there since still waits
 *   in a root with none of them, in no root       nothing
 *   in a root that could not be read entirely     the manifests are named, with what to type
 *   in a home directory, or `/`                   only what to type is said: it may be an accident
 *   in a root of another user                     only what to type is said
 *   elsewhere, with -C or DIALTONE_ROOT           nothing: the user is not in that root
 *   by a launch, a job, a service manager         nothing: that is not a user's act
 */
import { realpathSync } from "node:fs";
import { userInfo } from "node:os";
import { askedBy, type DeclaredCounts, isAnything, pluginsOfRoot } from "../../daemon/serving.ts";
import type { DaemonPaths } from "../../daemon/socket/paths.ts";
import { isRemembered } from "../../state/roots.ts";
import { DtError, EXIT, messageOf } from "../../sys/base/error.ts";
import { workingDirectory } from "../../sys/base/here.ts";
import { findRoot } from "../../sys/places/root.ts";
import { isOfPerson, rootRequest } from "../context/acting.ts";
import type { DtContext } from "../context/types.ts";
import { registerAsking, wordsOfAsked } from "./registering.ts";

/** A root that the daemon serves, and what its manifests ask of it. */
export interface Here extends DeclaredCounts {
  root: string;
  /** False when it was registered already. */
  added: boolean;
  /** How many manifests could not be read. */
  unknown: number;
}

/** Null when nothing is registered, now or before. */
export async function registerHere(context: DtContext, paths: DaemonPaths): Promise<Here | null> {
  const root = isOfPerson(context.env) ? rootHere(context) : null;
  if (root === null) return null;
  if (isHome(root, { env: context.env, home: paths.home })) {
    const index = await context.index();
    if (context.root() === root && isAnything(askedBy(pluginsOfRoot(index))))
      context.talk.say(`${root} is a home directory, and is not registered in passing: \`dt boot add\` registers it`);
    return null;
  }
  const registered = await registerAsking(context, { paths, root });
  return registered === null
    ? null
    : { root, added: registered.added, ...registered.asked, unknown: registered.unknown };
}

export function tellHere({ globals, talk }: DtContext, here: Here | null): number {
  if (here !== null && !globals.json) {
    const way = here.added ? "is registered" : "was registered already";
    talk.say(
      `${here.root} ${way}: ${wordsOfAsked(here, here.unknown)}${here.added ? "; `dt boot remove` takes it back" : ""}`,
    );
  }
  return EXIT.done;
}

/** `--dry-run`: says what `registerHere` would do. */
export async function tellDryHere(context: DtContext, paths: DaemonPaths): Promise<void> {
  const root = isOfPerson(context.env) ? rootHere(context) : null;
  if (root === null || isHome(root, { env: context.env, home: paths.home }) || isRemembered(paths.boot, root)) return;
  const asked = askedBy(pluginsOfRoot(await context.index()));
  if (isAnything(asked)) context.talk.say(`${root} would be registered: ${wordsOfAsked(asked)}`);
}

function rootHere({ globals, env, talk }: DtContext): string | null {
  if (globals.root !== undefined) return null;
  const { DIALTONE_ROOT: _, ...own } = env;
  try {
    return findRoot(rootRequest({ root: undefined }, { cwd: workingDirectory(), env: own }));
  } catch (error) {
    if (!(error instanceof DtError) || error.code !== "foreign-owner") throw error;
    talk.say(`nothing is registered: ${messageOf(error)}`, error.hint?.split("\n") ?? []);
    return null;
  }
}

function isHome(root: string, { env, home }: { env: Record<string, string>; home: string }): boolean {
  const places = [env.HOME, homeOfUser(), home, "/"];
  return places.some((place) => place !== undefined && realpathOf(place) === root);
}

function homeOfUser(): string | undefined {
  try {
    return userInfo().homedir;
  } catch {
    return undefined; // no entry for this user
  }
}

function realpathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
