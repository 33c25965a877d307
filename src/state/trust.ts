/**
 * The roots whose code this user ran, or said to trust: one small file each in DIALTONE_HOME, by the root's path and the identity of its folder, so that
 * another folder at the same path is not trusted with it. `CI` and `DIALTONE_TRUST=1` trust what is there, and nothing is remembered of that.
 *
 * Known limit: what a trusted root gets later (a `git pull`) is trusted with it. The daemon alone goes by content (manifest/known.ts).
 */
import { renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { errnoOf } from "../sys/error.ts";
import { temporaryName } from "../sys/files.ts";
import { type FolderIdentity, identifyFolder, isSameFolder } from "../sys/folder.ts";
import { homeKindDirectory, listHomeFiles, readHomeFile, removeHomeFile, writeHomeFile } from "../sys/homefiles.ts";
import { statOf } from "../sys/stat.ts";
import { listRootsIn } from "./roots.ts";

/** `before`: an earlier dt, which knew no trust, started something there. */
export type TrustedHow = "ran" | "said" | "made" | "before";

export interface TrustRecord {
  version: 1;
  root: string;
  folder: FolderIdentity;
  /** ISO 8601. */
  at: string;
  how: TrustedHow;
  /** The other user whose files are trusted there too (`dt trust --owner`); null: nobody else's. */
  owner: number | null;
}

/** Whose trust it is: DIALTONE_HOME, null when there is none, and the environment of whoever runs dt. */
export interface TrustPlace {
  home: string | null;
  env: Record<string, string | undefined>;
}

const KIND = "trust";

export function isTrusted({ home, env }: TrustPlace, root: string): boolean {
  return trustedBy(env) !== null || (home !== null && readTrust(home, root) !== null);
}

/** The variable that trusts whatever is there; null when none is set. */
export function trustedBy(env: TrustPlace["env"]): "CI" | "DIALTONE_TRUST" | null {
  if (env.DIALTONE_TRUST === "1") return "DIALTONE_TRUST";
  return env.CI === undefined || ["", "0", "false"].includes(env.CI) ? null : "CI";
}

/** Null when this folder was never trusted. */
export function readTrust(home: string, root: string): TrustRecord | null {
  const read = readHomeFile<TrustRecord>(home, KIND, root);
  if (read.is === "absent" && takeFromBefore(home)) return readTrust(home, root);
  if (read.is !== "there") return null;
  const folder = identifyFolder(root);
  return folder !== null && isSameFolder(read.value.folder, folder) ? read.value : null;
}

/** Throws where it cannot be written. What was accepted of another owner stays, unless another one is given. */
export function writeTrust(home: string, root: string, how: TrustedHow, owner?: number | null): void {
  const folder = identifyFolder(root);
  if (folder === null) return;
  beginTrust(home);
  const accepted = owner === undefined ? (readTrust(home, root)?.owner ?? null) : owner;
  const at = new Date().toISOString();
  writeHomeFile(home, KIND, { version: 1, root, folder, at, how, owner: accepted } satisfies TrustRecord);
}

/** False when it was not trusted. */
export function forgetTrust(home: string, root: string): boolean {
  beginTrust(home);
  const was = readHomeFile<TrustRecord>(home, KIND, root).is !== "absent";
  removeHomeFile(home, KIND, root);
  return was;
}

export interface Trusted extends TrustRecord {
  /** What is at the path now. */
  is: "there" | "gone" | "another folder";
}

export function listTrusted(home: string): Trusted[] {
  takeFromBefore(home);
  return listHomeFiles<TrustRecord>(home, KIND).map((record) => {
    const folder = identifyFolder(record.root);
    const is = folder === null ? "gone" : isSameFolder(record.folder, folder) ? "there" : "another folder";
    return { ...record, is };
  });
}

/** To be called before anything remembers a root: from then on, a root that is remembered and not trusted is one that is not trusted. */
export function beginTrust(home: string): void {
  if (statOf(join(home, KIND)) !== undefined || takeFromBefore(home)) return;
  homeKindDirectory(home, KIND);
}

/**
 * Once, after an upgrade from a dt that knew no trust: what it started something in, or had registered, is trusted as it stands. False when there is
 * nothing to take. All at once, by a rename, so that a kill in the middle leaves it to be done.
 */
function takeFromBefore(home: string): boolean {
  const directory = join(home, KIND);
  if (statOf(directory) !== undefined) return false;
  const roots = ["roots", "boot"].flatMap((name) => listRootsIn(join(home, name)).map(({ root }) => root));
  if (roots.length === 0) return false;
  const temporary = temporaryName(directory);
  try {
    const at = new Date().toISOString();
    for (const root of new Set(roots)) {
      const folder = identifyFolder(root);
      if (folder !== null)
        writeHomeFile(temporary, KIND, {
          version: 1,
          root,
          folder,
          at,
          how: "before",
          owner: null,
        } satisfies TrustRecord);
    }
    if (statOf(join(temporary, KIND)) === undefined) return false;
    renameSync(join(temporary, KIND), directory);
    return true;
  } catch (error) {
    // Another dt was first, which is as good; or the home cannot be written.
    return ["EEXIST", "ENOTEMPTY"].includes(errnoOf(error) ?? "");
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}
