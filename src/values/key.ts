/**
 * A key names what runs: `<plugin>:<command>:<variant>`. Its parts are safe in file names, so
 * no key leaves the run directory.
 */
import { DtError, EXIT } from "../sys/base/error.ts";

export interface Key {
  plugin: string;
  command: string;
  variant: string;
}

export const DEFAULT_VARIANT = "default";
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

export function formatKey({ plugin, command, variant }: Key): string {
  return `${plugin}:${command}:${variant}`;
}

/** Parses `plugin:command[:variant]`; null when the text is not a key. */
export function parseKey(text: string): Key | null {
  const parts = text.split(":");
  if (parts.length < 2 || parts.length > 3 || !parts.every((part) => NAME.test(part))) return null;
  return { plugin: parts[0] as string, command: parts[1] as string, variant: parts[2] ?? DEFAULT_VARIANT };
}

/** What the user named on the command line: one process by words, several by keys, a plugin by its name. */
export type Selection = { is: "keys"; keys: string[] } | { is: "plugin"; plugin: string } | { is: "all" };

/**
 * Words name one process (`dag dev src_v2`), keys any number of them (`dag:dev www:dev`), a single word
 * a plugin. Throws a usage error.
 */
export function parseSelection(words: readonly string[]): Selection {
  if (words.length === 0) return { is: "all" };
  const bad = words.find((word) => !word.split(":").every((part) => NAME.test(part)) || word.split(":").length > 3);
  if (bad !== undefined) {
    throw new DtError("bad-key", `"${bad}" is not a key.`, {
      status: EXIT.usage,
      hint: "A key is <plugin>:<command>:<variant> of letters, digits, `_`, `.`, `-`; each part begins with a letter or digit and has at most 64 characters.",
    });
  }
  const keys = words.filter((word) => word.includes(":"));
  if (keys.length === words.length) return { is: "keys", keys: keys.map((word) => formatKey(parseKey(word) as Key)) };
  if (keys.length > 0 || words.length > 3) {
    throw new DtError(
      "bad-key",
      `"${words.join(" ")}" ${keys.length > 0 ? "mixes words and keys" : "has too many words"}.`,
      {
        status: EXIT.usage,
        hint: "Words name one process (`dt stop dag dev src_v2`); to name several, write keys (`dt stop dag:dev www:dev`).",
      },
    );
  }
  const [plugin, command, variant] = words;
  if (command === undefined) return { is: "plugin", plugin: plugin as string };
  return {
    is: "keys",
    keys: [formatKey({ plugin: plugin as string, command, variant: variant ?? DEFAULT_VARIANT })],
  };
}
