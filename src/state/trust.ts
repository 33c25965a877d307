/**
 * The roots whose code this user ran or declared trusted: one small file each in DIALTONE_HOME, by the root's path and
 * its folder's identity, so that another folder at the same path is not trusted too. `CI` and `DIALTONE_TRUST=1` trust
 * whatever is there; no record is made of that.
 *
 * Known limit: what reaches a trusted root later (a `git pull`) is trusted too. Only the daemon goes
 * by content (manifest/cache/known.ts).
 */
import { type FolderIdentity, identifyFolder, isSameFolder } from "../sys/base/folder.ts";
import { listHomeFiles, readHomeFile, removeHomeFile, writeHomeFile } from "../sys/seal/homefiles.ts";

export type TrustedHow = "ran" | "said" | "made";

export interface TrustRecord {
  version: 1;
  root: string;
  folder: FolderIdentity;
  /** ISO 8601. */
  at: string;
  how: TrustedHow;
  /** The other user whose files are trusted there too (`dt trust --owner`); null when there is none. */
  owner: number | null;
}

/** Whose trust to ask for: DIALTONE_HOME (null when there is none) and the environment of the caller. */
export interface TrustPlace {
  home: string | null;
  env: Record<string, string | undefined>;
}

const KIND = "trust";

export function isTrusted({ home, env }: TrustPlace, root: string): boolean {
  return trustedBy(env) !== null || (home !== null && readTrust(home, root) !== null);
}

/** The variable that trusts every root; null when none is set. */
export function trustedBy(env: TrustPlace["env"]): "CI" | "DIALTONE_TRUST" | null {
  if (env.DIALTONE_TRUST === "1") return "DIALTONE_TRUST";
  return env.CI === undefined || ["", "0", "false"].includes(env.CI) ? null : "CI";
}

/** Null when this folder was never trusted. */
export function readTrust(home: string, root: string): TrustRecord | null {
  const read = readHomeFile<TrustRecord>(home, { kind: KIND, root });
  if (read.is !== "there") return null;
  const folder = identifyFolder(root);
  return folder !== null && isSameFolder(read.value.folder, folder) ? read.value : null;
}

/** Whether another folder was trusted at this path before the one that is there now. */
export function isInPlaceOfTrusted(home: string | null, root: string): boolean {
  return home !== null && readTrust(home, root) === null && readHomeFile(home, { kind: KIND, root }).is === "there";
}

/** Throws where it cannot be written. An accepted other owner is kept, unless `owner` is given. */
export function writeTrust(
  home: string,
  { root, how, owner }: { root: string; how: TrustedHow; owner?: number | null | undefined },
): void {
  const folder = identifyFolder(root);
  if (folder === null) return;
  const accepted = owner === undefined ? (readTrust(home, root)?.owner ?? null) : owner;
  const at = new Date().toISOString();
  writeHomeFile(home, {
    kind: KIND,
    content: { version: 1, root, folder, at, how, owner: accepted } satisfies TrustRecord,
  });
}

/** False when there was nothing to forget. */
export function forgetTrust(home: string, root: string): boolean {
  const was = readHomeFile<TrustRecord>(home, { kind: KIND, root }).is !== "absent";
  removeHomeFile(home, { kind: KIND, root });
  return was;
}

export interface Trusted extends TrustRecord {
  /** What is at the path now. */
  is: "there" | "gone" | "another folder";
}

export function listTrusted(home: string): Trusted[] {
  return listHomeFiles<TrustRecord>(home, KIND).map((record) => {
    const folder = identifyFolder(record.root);
    const is = folder === null ? "gone" : isSameFolder(record.folder, folder) ? "there" : "another folder";
    return { ...record, is };
  });
}
