/** Manifests that are code of a root that is not trusted: in words, and in one line of `dt list`. */
import type { ManifestIndex } from "../manifest/resolved.ts";
import { shortPath } from "../output/shell.ts";

/** A sentence for an error that they may be the reason of. */
export function wordsOfUnread(unread: ManifestIndex["unread"]): string {
  const [is, it] = unread.length === 1 ? ["1 manifest is", "it"] : [`${unread.length} manifests are`, "them"];
  return `${is} code that was not read, since you never ran a command of this root: \`dt trust\` reads ${it}.`;
}

export function lineOfUnread(root: string, unread: ManifestIndex["unread"]): string {
  const [is, whose, it] =
    unread.length === 1 ? ["1 manifest is", "its", "it"] : [`${unread.length} manifests are`, "their", "them"];
  const names = unread.map(({ file }) => shortPath(root, file)).join(" ");
  return `${is} code, not read: \`dt trust\` or running one of ${whose} commands reads ${it}\n  ${names}\n`;
}
