/**
 * Where the run directory, the cache and DIALTONE_HOME are. Nothing is made here: privatedirectory.ts does that. A home
 * that another user made is refused.
 */
import { basename, join, resolve } from "node:path";
import { sha256 } from "../base/digest.ts";
import { DtError, EXIT } from "../base/error.ts";
import { notTextError } from "../base/here.ts";
import { linkStatOf, statOf } from "../base/stat.ts";
import { isOwner } from "../door/fileowner.ts";
import { ownUid } from "./ownplace.ts";
import { isSet } from "./root.ts";

/**
 * The error when a root is needed and there is none. `passed`: the folders that were skipped on the way up, and why.
 */
export function noRootError(cwd: string, passed: readonly string[] = []): DtError {
  if (cwd.includes("\uFFFD") || !cwd.isWellFormed()) return notTextError(cwd);
  return new DtError(
    "no-root",
    `No project here: neither ${cwd} nor a directory above it has a \`manifests/\` folder of dt's.${passed.map((text) => ` ${text}.`).join("")}`,
    {
      status: EXIT.usage,
      hint: "Go to your project, name it with -C DIR, or start one here with `dt init`.",
    },
  );
}

/** A short, stable name for a root, in places that many roots share. */
export function rootSlug(root: string): string {
  const hash = sha256(root).slice(0, 12);
  return `${basename(root)
    .replace(/[^A-Za-z0-9_.-]/g, "_")
    .slice(0, 32)}-${hash}`;
}

/**
 * The path of the run directory; nothing is made. A relative DIALTONE_RUN_DIR is below the root, so that it means the
 * same place from everywhere.
 */
export function runDirectoryOf(root: string, env: Record<string, string | undefined>): string {
  return env.DIALTONE_RUN_DIR
    ? join(resolve(root, env.DIALTONE_RUN_DIR), rootSlug(root))
    : join(root, ".dialtone", "run");
}

export function cacheDirectoryOf(root: string, env: Record<string, string | undefined>): string {
  return env.DIALTONE_RUN_DIR
    ? join(resolve(root, env.DIALTONE_RUN_DIR), `${rootSlug(root)}.cache`)
    : join(root, ".dialtone", "cache");
}

/**
 * `DIALTONE_HOME`, else `~/.dialtone`, with the home from HOME or the user database; null when there is none. Throws
 * `unsafe-directory` when another user made it, as any user can when HOME is `/tmp`: what the user trusts, and the
 * user's own manifests, are read from it.
 */
export function homeDirectory(env: Record<string, string | undefined>): string | null {
  const home = homePath(env);
  if (home !== null) refuseOthers(home, env);
  return home;
}

/** Both a link and its target are judged. A path that cannot be looked at cannot be read from either. */
function refuseOthers(home: string, env: Record<string, string | undefined>): void {
  for (const stat of [linkStatOf(home), statOf(home)]) {
    if (stat === undefined) continue;
    const refuse = (why: string) => {
      throw new DtError("unsafe-directory", `${home} ${why}, so dt trusts nothing in it.`, {
        hint: "Set DIALTONE_HOME to a directory of yours. If you are root in a container and mean another user's home, set DIALTONE_TRUST_OWNER=1.",
      });
    };
    if (stat.uid !== 0 && !(isOwner(home, stat.uid) && isPersons(stat.uid, env)))
      refuse(`belongs to uid ${stat.uid}, not to you (uid ${ownUid()})`);
    if (stat.isDirectory() && (stat.mode & 0o1002) === 0o002)
      refuse(`may be changed by every user of this machine (mode ${(stat.mode & 0o7777).toString(8)})`);
  }
}

/**
 * Root with another user's home (`sudo -E`, `su -m`, a container) would act on what that user trusts. That is right
 * only if both are the same person, or the user says so.
 */
function isPersons(uid: number, env: Record<string, string | undefined>): boolean {
  return uid === ownUid() || env.SUDO_UID === String(uid) || env.DIALTONE_TRUST_OWNER === "1" || isSet(env.CI);
}

function homePath(env: Record<string, string | undefined>): string | null {
  if (env.DIALTONE_HOME) return resolve(env.DIALTONE_HOME);
  if (env.HOME) return join(env.HOME, ".dialtone");
  try {
    const { homedir } = (require("node:os") as typeof import("node:os")).userInfo();
    return homedir && homedir !== "/" ? join(homedir, ".dialtone") : null;
  } catch {
    return null; // a uid without an entry
  }
}
