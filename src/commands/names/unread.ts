/** Manifests that are code of a root that is not trusted: in sentences, and in one line of `dt list`. */
import type { ManifestIndex } from "../../manifest/model/resolved.ts";
import { visible } from "../../sys/text/visible.ts";
import { shortPath } from "../../values/commandline.ts";

/** A sentence for an error that they may explain. */
export function wordsOfUnread(unread: ManifestIndex["unread"]): string {
  const [is, whose, it] =
    unread.length === 1 ? ["1 manifest is", "its", "it"] : [`${unread.length} manifests are`, "their", "them"];
  return `${is} code that was not read, since this root is not trusted yet: \`dt trust\` reads ${it}, and so does running one of ${whose} commands.`;
}

/** That a name is unknown, in which project, and where it may be nevertheless. */
export function wordsOfUnknown(
  what: string,
  { name, root, unread }: { name: string } & Pick<ManifestIndex, "unread"> & { root?: string | undefined },
): string {
  const none = `There is no ${what} named "${name}"${root === undefined ? "" : ` in ${visible(root)}`}`;
  return unread.length === 0 ? `${none}.` : `${none} among the manifests that were read. ${wordsOfUnread(unread)}`;
}

export function hintOfNearest(
  near: readonly string[],
  { known, unread }: { known: readonly string[]; unread: ManifestIndex["unread"] },
): string {
  if (near.length === 0) return known.length === 0 ? "None is known." : `Known: ${[...known].sort().join(" ")}`;
  return `${unread.length === 0 ? "Did" : "Or did"} you mean ${near.join(" or ")}?`;
}

export function lineOfUnread(root: string, unread: ManifestIndex["unread"]): string {
  const [is, whose, it] =
    unread.length === 1 ? ["1 manifest is", "its", "it"] : [`${unread.length} manifests are`, "their", "them"];
  const names = unread.map(({ file }) => shortPath(root, file)).join(" ");
  return `${is} code, not read: \`dt trust\` or running one of ${whose} commands reads ${it}\n  ${names}\n`;
}
