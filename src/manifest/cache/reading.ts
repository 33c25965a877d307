/** How much of a root's manifests is followed, and how they are divided by it. Nothing here reads what is in a manifest. */
import { discover, type FoundManifest } from "../discover/discover.ts";
import type { Judge } from "../discover/trust.ts";
import { isData } from "../imports/extensions.ts";
import type { Outcome } from "../model/outcome.ts";
import type { ManifestFailure, UnreadManifest } from "../model/resolved.ts";
import { knownManifests } from "./known.ts";

/**
 *   all     as the files are now: of a root whose code this user ran
 *   data    of the root's own manifests only those that are data; what is in the user's home is the user's own
 *   known   as a person last took them over: for the daemon, and for what it starts
 */
export type Reading = "all" | "data" | "known";

export interface Sight {
  root: string;
  /** To be loaded as they are now. */
  read: FoundManifest[];
  /** As they were. */
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
    // What is wrong with the root's own as they are now, the next person there is told.
    failures: failures.filter(({ file }) => home !== null && file.startsWith(`${home}/`)),
    isStrange: false,
  };
}
