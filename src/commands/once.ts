/** What a person is told once about a root, on standard error: what waits to be taken over, and plugins named like a verb that came later. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { isNewlyReserved } from "../manifest/reserved.ts";
import type { ManifestIndex } from "../manifest/resolved.ts";
import type { Judge } from "../manifest/trust.ts";
import { shortPath } from "../output/shell.ts";
import type { Talk } from "../output/talk.ts";
import { isNews } from "../state/told.ts";
import { rootSlug } from "../sys/paths.ts";

export interface OncePlace extends Judge {
  root: string;
  home: string | null;
  talk: Pick<Talk, "say" | "warn">;
}

export function tellOnce(place: OncePlace, { plugins }: ManifestIndex): void {
  const { root, home, talk } = place;
  if (home === null) return;
  const named = Object.keys(plugins).filter(isNewlyReserved);
  const isRegistered = existsSync(join(home, "boot", rootSlug(root)));
  if (named.length === 0 && !isRegistered) return;
  for (const name of named)
    if (isNews(home, root, `verb ${name}`, "1"))
      talk.warn(`\`dt ${name}\` is a verb of dt now: the plugin ${name} is run as \`dt -- ${name} …\``);
  if (!isRegistered) return;
  const { waitingIn } = require("../manifest/known.ts") as typeof import("../manifest/known.ts");
  const { files, mark } = waitingIn({ ...place, home });
  if (files.length > 0 && isNews(home, root, "waiting", mark)) talk.warn(wordsOfWaiting(root, files));
}

export function wordsOfWaiting(root: string, files: readonly string[]): string {
  const [first = "", ...rest] = files.map((file) => shortPath(root, file));
  const names = rest.length === 0 ? first : `${first} and ${rest.length} more`;
  return `${names} changed since you last ran a command here; the daemon goes on with what it knew: run a command here, or \`dt trust\`, to take ${rest.length === 0 ? "it" : "them"} over`;
}
