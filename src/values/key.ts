/**
 * A key names what runs: `<plugin>:<command>:<variant>`. Its parts are safe in file names, so no key leaves the run
 * directory. Only this file knows a key's text: its form, how it is made and taken apart, and how users write it.
 */
import { DtError, EXIT } from "../sys/base/error.ts";

export interface Key {
  plugin: string;
  command: string;
  variant: string;
}

/** Without a variant it is the default one that is meant. */
export interface KeyOrCommand extends Omit<Key, "variant"> {
  variant?: string | undefined;
}

export const DEFAULT_VARIANT = "default";

/** Names of plugins, commands and variants: none can leave a directory or be taken for a flag. */
export const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

export const NAME_WORDS = 'a name: letters, digits, "_", ".", "-", at most 64, beginning with a letter or digit';

/** `plugin:command` or `plugin:command:variant`. */
export const KEY_PATTERN = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}(:[A-Za-z0-9][A-Za-z0-9_.-]{0,63}){1,2}$/;

const WHOLE_KEY = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}(:[A-Za-z0-9][A-Za-z0-9_.-]{0,63}){2}$/;

const DEFAULT_END = `:${DEFAULT_VARIANT}`;

export function formatKey({ plugin, command, variant = DEFAULT_VARIANT }: KeyOrCommand): string {
  return `${plugin}:${command}:${variant}`;
}

/** Parses `plugin:command[:variant]`; null when the text is not a key. */
export function parseKey(text: string): Key | null {
  const parts = text.split(":");
  if (parts.length < 2 || parts.length > 3 || !parts.every((part) => NAME_PATTERN.test(part))) return null;
  return { plugin: parts[0] as string, command: parts[1] as string, variant: parts[2] ?? DEFAULT_VARIANT };
}

/** `www:dev:default` for `www:dev`; a key with a variant stays as it is. The text is known to be a key. */
export function wholeKey(key: string): string {
  return key.split(":").length === 2 ? `${key}${DEFAULT_END}` : key;
}

export function isWholeKey(text: string): boolean {
  return WHOLE_KEY.test(text);
}

/** The parts of a text that is known to be a whole key; what is missing is "". */
export function keyParts(key: string): Key {
  const [plugin = "", command = "", variant = ""] = key.split(":");
  return { plugin, command, variant };
}

/** The plugin of a key; of a plugin's own name, that name. */
export function pluginOf(name: string): string {
  return keyParts(name).plugin;
}

export function isOfPlugin(key: string, plugin: string): boolean {
  return key.startsWith(`${plugin}:`);
}

/** Whether a word is meant as a key: the names of plugins, commands and groups have no colon. */
export function isKeyWord(word: string): boolean {
  return word.includes(":");
}

/** `www:dev` for `www:dev:default`, as users write it. */
export function shortKey(key: string): string {
  return key.endsWith(DEFAULT_END) ? key.slice(0, -DEFAULT_END.length) : key;
}

export function formatShortKey(parts: KeyOrCommand): string {
  return shortKey(formatKey(parts));
}

/** The words that name it on dt's command line: `www`, `dev` and, unless it is the default one, the variant. */
export function keyWords(key: string): string[] {
  return shortKey(key).split(":");
}

/** A key as the user types it after `dt`: `stack dev` for `stack:dev:default`. */
export function typedKey(key: string): string {
  return keyWords(key).join(" ");
}

/** What the user named on the command line: one process by words, several by keys, a plugin by its name. */
export type Selection = { is: "keys"; keys: string[] } | { is: "plugin"; plugin: string } | { is: "all" };

/**
 * Words name one process (`dag dev src_v2`), keys any number of them (`dag:dev www:dev`), a single word
 * a plugin. Throws a usage error.
 */
export function parseSelection(words: readonly string[]): Selection {
  if (words.length === 0) return { is: "all" };
  const bad = words.find(
    (word) => !word.split(":").every((part) => NAME_PATTERN.test(part)) || word.split(":").length > 3,
  );
  if (bad !== undefined) {
    throw new DtError("bad-key", `"${bad}" is not a key.`, {
      status: EXIT.usage,
      hint: "A key is <plugin>:<command>:<variant> of letters, digits, `_`, `.`, `-`; each part begins with a letter or digit and has at most 64 characters.",
    });
  }
  const keys = words.filter(isKeyWord);
  if (keys.length === words.length) return { is: "keys", keys: keys.map(wholeKey) };
  if (keys.length > 0 || words.length > 3) {
    throw new DtError(
      "bad-key",
      `"${words.join(" ")}" ${keys.length > 0 ? "mixes words and keys" : "has too many words"}.`,
      {
        status: EXIT.usage,
        hint: "Words name one process (`dag dev src_v2`); to name several, write keys (`dag:dev www:dev`).",
      },
    );
  }
  const [plugin, command, variant] = words;
  if (command === undefined) return { is: "plugin", plugin: plugin as string };
  return { is: "keys", keys: [formatKey({ plugin: plugin as string, command, variant })] };
}
