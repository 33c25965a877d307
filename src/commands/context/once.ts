/**
 * Tells the user once per root, on standard error: which manifests wait to be taken over, that a registration no longer
 * counts, and which plugins have the name of a newer verb.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Judge } from "../../manifest/discover/trust.ts";
import { isNewlyReserved } from "../../manifest/model/reserved.ts";
import type { ManifestIndex } from "../../manifest/model/resolved.ts";
import type { Talk } from "../../output/talk.ts";
import { isRemembered } from "../../state/roots.ts";
import { isNews } from "../../state/told.ts";
import { rootSlug } from "../../sys/places/paths.ts";
import { shortPath } from "../../values/commandline.ts";

export interface OncePlace extends Judge {
  root: string;
  home: string | null;
  talk: Pick<Talk, "say" | "warn">;
}

export function tellOnce(place: OncePlace, { plugins }: ManifestIndex): void {
  const { root, home, talk } = place;
  if (home === null) return;
  const named = Object.keys(plugins).filter(isNewlyReserved);
  const registration = registrationIn(home, root);
  if (named.length === 0 && registration === null) return;
  for (const name of named)
    if (isNews(home, { root, matter: `verb ${name}`, mark: "1" }))
      talk.warn(`\`dt ${name}\` is a verb of dt now: the plugin ${name} is run as \`dt -- ${name} …\``);
  if (registration === "foreign" && isNews(home, { root, matter: "foreign registration", mark: "1" }))
    talk.warn(
      "the registration of this root with the daemon no longer counts (an earlier dt made it, or it is for another folder): `dt boot add` registers it again",
    );
  if (registration !== "own") return;
  const { waitingIn } = require("../../manifest/cache/known.ts") as typeof import("../../manifest/cache/known.ts");
  const { files, mark } = waitingIn({ ...place, home });
  if (files.length > 0 && isNews(home, { root, matter: "waiting", mark })) talk.warn(wordsOfWaiting(root, files));
}

/** Whether the daemon works for it. */
export function isRegisteredIn(home: string, root: string): boolean {
  return registrationIn(home, root) === "own";
}

/** A file is looked for before it is read, since most roots have none. */
function registrationIn(home: string, root: string): "own" | "foreign" | null {
  const directory = join(home, "boot");
  if (!existsSync(join(directory, rootSlug(root)))) return null;
  return isRemembered(directory, root) ? "own" : "foreign";
}

/** A list of more names than this is not read. */
const MOST_NAMES = 6;

function namesOf(root: string, files: readonly string[]): string {
  const names = files.slice(0, MOST_NAMES).map((file) => shortPath(root, file));
  const more = files.length - names.length;
  const last = more > 0 ? `${more} more` : names.pop();
  return names.length === 0 ? (last ?? "") : `${names.join(", ")} and ${last}`;
}

export function wordsOfTaken(root: string, files: readonly string[]): string {
  return `the daemon goes by ${namesOf(root, files)} as ${files.length === 1 ? "it is" : "they are"} now`;
}

export function wordsOfWaiting(root: string, files: readonly string[]): string {
  return `${namesOf(root, files)} changed since you last ran a command here; the daemon goes on with what it knew: run a command here, or \`dt trust\`, to take ${files.length === 1 ? "it" : "them"} over`;
}
