/** How comments are written, as far as a machine can tell: their width, and words that plain English does not need. */
import { lineAt, type Source, withoutComments } from "./imports.ts";

const WIDEST = 120;

/** What each is replaced by; strings and comments alike, since messages are read too. */
const STIFF: readonly (readonly [word: RegExp, plain: string])[] = [
  [/\banew\b/g, "again"],
  [/\bto be had\b/g, "available"],
  [/\bis told\b/g, "is reported, or: X reports Y"],
  [/\bwhoever\b/gi, "the caller, the process that …"],
  [/\bsomebody\b/gi, "another process, another user"],
  [/\bThere is: /g, "Known: "],
];

export function checkWords(sources: readonly Source[]): string[] {
  return sources.flatMap(({ path, text }) => {
    const code = withoutComments(text).split("\n");
    const wide = text.split("\n").flatMap((line, at) => {
      const isComment = line.trim() !== "" && (code[at] ?? "").trim() === "";
      return isComment && line.length > WIDEST
        ? [`${path}:${at + 1} is a comment of ${line.length} columns, at most ${WIDEST}`]
        : [];
    });
    const stiff = STIFF.flatMap(([word, plain]) =>
      [...text.matchAll(word)].map(
        ({ 0: found, index }) => `${path}:${lineAt(text, index)} says "${found.trim()}": write ${plain}`,
      ),
    );
    return [...wide, ...stiff];
  });
}
