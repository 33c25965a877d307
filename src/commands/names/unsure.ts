/** Manifests that are not known as they are now, and so may declare an unknown name: which they are, and why. */
import type { Unsure } from "../../manifest/glance.ts";
import { shortPath } from "../../values/commandline.ts";

/** A list of more files than this is not read. */
const MOST_FILES = 3;

const WHY: Record<Unsure["is"], string> = {
  failed: "could not be loaded: `dt list` says why",
  changed: "has changed since it was read: `dt list` reads it",
  new: "was not read yet: `dt list` reads it",
  untrusted: "is code of a root that is not trusted yet: `dt trust` reads it",
};

export function wordsOfUnsure(root: string, { file, is }: Unsure): string {
  return `${shortPath(root, file)} ${WHY[is]}`;
}

/** A sentence for each manifest that was not read and may declare the name. */
export function notesOf(root: string, unsure: readonly Unsure[]): string[] {
  const own = unsure.filter(({ is }) => is !== "untrusted");
  const shown = own.slice(0, MOST_FILES).map((one) => `${wordsOfUnsure(root, one)}.`);
  const more = own.length - shown.length;
  return more > 0 ? [...shown, `${more} more could not be read either.`] : shown;
}
