/**
 * Registers a root with the daemon. For its manifests that is a user's act: the daemon goes by them as they are now. It
 * does not make the root a trusted one: if it is not trusted, only the manifests that are data count, and its code is
 * named and not read.
 */
import { waitsIn } from "../../daemon/roots/project.ts";
import { registerRoot } from "../../daemon/roots/roots.ts";
import { askedBy, type DeclaredCounts, isAnything, pluginsOfRoot } from "../../daemon/serving.ts";
import { type DaemonPaths, makeDaemonHome } from "../../daemon/socket/paths.ts";
import { isAnythingKnown, takeOver } from "../../manifest/cache/known.ts";
import { peekIndex } from "../../manifest/glance.ts";
import { type Loaded, loadManifests } from "../../manifest/index.ts";
import { faultsOf } from "../../manifest/model/faults.ts";
import type { ManifestIndex } from "../../manifest/model/resolved.ts";
import { isRemembered } from "../../state/roots.ts";
import { isTrusted } from "../../state/trust.ts";
import { cacheDirectoryOf } from "../../sys/places/paths.ts";
import { otherOwnerOf } from "../../sys/places/root.ts";
import { wordsOfTaken, wordsOfWaiting } from "../context/once.ts";
import type { DtContext } from "../context/types.ts";
import { wordsOfUnread } from "../names/unread.ts";

type Place = Pick<DtContext, "env" | "talk">;

export interface Registered {
  /** False when it was registered already. */
  added: boolean;
  asked: DeclaredCounts;
  /** How many manifests could not be loaded, or are code that was not read: what they ask is not known. */
  unknown: number;
}

interface Read extends Loaded {
  reading: "all" | "data";
}

export function rootPlaceOf(env: Record<string, string>, { home, root }: { home: string; root: string }) {
  return { root, home, cacheDir: cacheDirectoryOf(root, env), env, owner: otherOwnerOf(root, env) };
}

async function readRoot(
  { env }: Place,
  { paths: { home }, root }: { paths: DaemonPaths; root: string },
): Promise<Read> {
  const reading = isTrusted({ home, env }, root) ? "all" : "data";
  return { ...(await loadManifests({ ...rootPlaceOf(env, { home, root }), reading })), reading };
}

function register(
  { talk }: Place,
  { paths, root, read: { index, entries, reading } }: { paths: DaemonPaths; root: string; read: Read },
): Registered {
  makeDaemonHome(paths);
  const changed = takeOver({ root, home: paths.home, reading }, { taken: entries, unread: index.unread });
  const added = registerRoot(paths, root);
  if (!added && changed.length > 0) talk.say(wordsOfTaken(root, changed));
  return registeredAs(added, index);
}

function registeredAs(added: boolean, { plugins, failures, unread }: ManifestIndex): Registered {
  return { added, asked: askedBy(Object.values(plugins)), unknown: failures.length + unread.length };
}

/**
 * Registers the root whatever its manifests declare, also when that is not known. Throws when the registration cannot
 * be written.
 */
export async function registerNamed(
  context: Place,
  { paths, root }: { paths: DaemonPaths; root: string },
): Promise<Registered> {
  const read = await readRoot(context, { paths, root });
  const registered = register(context, { paths, root, read });
  tellMissing(context, read.index);
  return registered;
}

/**
 * Registers a root only if it asks something of the daemon. Null when it does not, or when that is not known, which is
 * reported. A root that was registered already stays as it was: manifests that changed since then are named, and wait
 * until a command is run there.
 */
export async function registerAsking(
  context: Place,
  { paths, root }: { paths: DaemonPaths; root: string },
): Promise<Registered | null> {
  const { env, talk } = context;
  const { home } = paths;
  if (isRemembered(paths.boot, root) && isAnythingKnown({ root, home })) {
    const known = peekIndex({ ...rootPlaceOf(env, { home, root }), reading: "known" });
    const { files } = waitsIn({ home, env }, root);
    if (files.length > 0) talk.warn(wordsOfWaiting(root, files));
    return registeredAs(false, known ?? { plugins: {}, failures: [], unread: [] });
  }
  const read = await readRoot(context, { paths, root });
  const { index } = read;
  const registered = isAnything(askedBy(pluginsOfRoot(index))) ? register(context, { paths, root, read }) : null;
  tellMissing(context, index);
  if (registered === null && (index.failures.length > 0 || index.unread.length > 0))
    talk.warn(
      `whether the daemon has something to do in ${root} is therefore unknown, and dt does not register it: ${index.unread.length > 0 ? "`dt trust`, then " : ""}\`dt boot add\` there registers it`,
    );
  return registered;
}

/** Names the manifests that the counts leave out. */
function tellMissing({ talk }: Place, { failures, unread }: ManifestIndex): void {
  for (const failure of failures) {
    const [fault = "", ...more] = faultsOf(failure);
    talk.warn(`a manifest could not be loaded, and what it declares is not known: ${fault}`, [
      ...more,
      ...(failure.hint?.split("\n") ?? []),
    ]);
  }
  if (unread.length > 0) talk.warn(wordsOfUnread(unread));
}

export function wordsOfAsked(asked: DeclaredCounts, unknown = 0): string {
  const { boot, scheduled, watches } = asked;
  const of = unknown === 1 ? "1 manifest" : `${unknown} manifests`;
  if (unknown > 0 && !isAnything(asked))
    return `what it declares is not known yet, as ${of} ${unknown === 1 ? "has" : "have"} not been read`;
  const known = `${boot} marked boot, ${scheduled} with a schedule, ${watches} ${watches === 1 ? "watch" : "watches"}`;
  return unknown === 0 ? known : `${known}; not known yet for ${of}`;
}
