/**
 * Decides which of a root's manifests are read, and sorts them accordingly. Nothing here reads the content of a
 * manifest.
 */
import { discover, type FoundManifest } from "../discover/discover.ts";
import type { Judge } from "../discover/trust.ts";
import { isData } from "../imports/extensions.ts";
import type { Outcome } from "../model/outcome.ts";
import type { ManifestFailure, UnreadManifest } from "../model/resolved.ts";
import { knownManifests } from "./known.ts";

/**
 *   all     the files as they are now: for a root that the user trusts
 *   data    of the root's own manifests, only those that are data; and all in the user's home, which are the user's own
 *   known   as the user last took them over: for the daemon, and for what it starts
 */
export type Reading = "all" | "data" | "known";

export interface Sight {
  root: string;
  /** Manifests to load as they are now. */
  read: FoundManifest[];
  /** Manifests with the outcome that is known of them. */
  fixed: (FoundManifest & { outcome: Outcome })[];
  unread: UnreadManifest[];
  failures: ManifestFailure[];
  /** The root is not trusted. */
  isStrange: boolean;
}

export interface SightOptions extends Judge {
  root: string;
  /** DIALTONE_HOME; null when there is none. */
  home: string | null;
  reading: Reading;
}

export function sightOf({ root, home, reading, ...judge }: SightOptions): Sight {
  const { manifests, failures } = discover({ root, home, ...judge });
  if (reading === "all") return { root, read: manifests, fixed: [], unread: [], failures, isStrange: false };
  const isOwn = ({ origin }: FoundManifest) => origin === "home" || (origin === "root" && root === home);
  if (reading === "data") {
    const isRead = (found: FoundManifest) => isOwn(found) || isData(found.file);
    const unread = manifests.filter((found) => !isRead(found));
    return { root, read: manifests.filter(isRead), fixed: [], unread, failures, isStrange: true };
  }
  const known = home === null ? { manifests: [], unread: [] } : knownManifests({ root, home, ...judge });
  return {
    root,
    read: [...known.manifests.flatMap((one) => (one.is === "same" ? [one.found] : [])), ...manifests.filter(isOwn)],
    fixed: known.manifests.flatMap((one) => (one.is === "same" ? [] : [{ ...one.found, outcome: one.outcome }])),
    unread: known.unread,
    // Faults of the root's own manifests as they are now are reported to the next user who runs a command there.
    failures: failures.filter(({ file }) => home !== null && file.startsWith(`${home}/`)),
    isStrange: false,
  };
}
