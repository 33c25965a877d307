/** What words of `up`, `down` and `restart` name: groups, plugins and keys, or one process by its words. */
import { faultsOf } from "../manifest/faults.ts";
import { edgesOf, groupsOf, orderByNeeds, settingsOf, shortKey } from "../manifest/graph.ts";
import type { ManifestIndex } from "../manifest/resolved.ts";
import { DEFAULT_VARIANT, formatKey, type Key, parseKey, parseSelection, type Selection } from "../state/key.ts";
import { DtError, EXIT } from "../sys/error.ts";
import { nearestNames } from "../sys/nearest.ts";
import type { DtContext } from "./context.ts";
import { hintOfNearest, wordsOfUnknown, wordsOfUnread } from "./unread.ts";

/** The keys of a group; null when no group has that name. Throws when a plugin has it too. */
export function groupNamed(index: ManifestIndex, word: string): string[] | null {
  const keys = groupsOf(index).get(word);
  if (keys === undefined) return null;
  if (!Object.hasOwn(index.plugins, word)) return keys;
  throw wordsError(
    `"${word}" is a group and the plugin ${word} (${index.plugins[word]?.file}).`,
    "Rename one of them, or write keys.",
  );
}

/** What the words of `stop`, `restart`, `status` and their like name: as parseSelection, and a group by its name, in order of needs. */
export async function selectionOf(context: DtContext, words: readonly string[]): Promise<Selection> {
  const [word] = words;
  if (word === undefined || words.length > 1 || word.includes(":")) return parseSelection(words);
  const index = await context.peek();
  const keys = index === null ? null : groupNamed(index, word);
  if (index === null || keys === null) return parseSelection(words);
  const managed = keys.filter((key) => settingsOf(index.plugins, key)?.kind === "managed");
  return { is: "keys", keys: orderByNeeds(managed, (key) => needsIn(index, key)) };
}

function needsIn({ plugins }: ManifestIndex, key: string): string[] {
  const settings = settingsOf(plugins, key);
  return settings === undefined ? [] : edgesOf(plugins, settings).map((edge) => edge.key);
}

/** A plugin stands for its managed commands, each in its default variant. */
export function keysOfWords(index: ManifestIndex, words: readonly string[]): string[] {
  const isName = (word: string) => groupsOf(index).has(word) || Object.hasOwn(index.plugins, word);
  const [plugin = "", command = "", variant = DEFAULT_VARIANT] = words;
  const names = words.every((word) => word.includes(":") || isName(word));
  const process = words.length > 1 && words.length < 4 && index.plugins[plugin]?.commands[command] !== undefined;
  if (names && process)
    throw wordsError(
      `"${words.join(" ")}" is the command ${plugin}:${command}, and "${command}" a plugin or group too.`,
      `Write the key: ${plugin}:${command}`,
    );
  if (process) return [formatKey({ plugin, command, variant })];
  return [...new Set(words.flatMap((word) => keysOfWord(index, word)))];
}

function keysOfWord(index: ManifestIndex, word: string): string[] {
  const key = word.includes(":") ? parseKey(word) : null;
  if (key !== null) return [formatKey(key as Key)];
  const group = groupNamed(index, word);
  if (group !== null) return group;
  const plugin = Object.hasOwn(index.plugins, word) ? index.plugins[word] : undefined;
  if (plugin !== undefined)
    return Object.values(plugin.commands).flatMap(({ name, kind }) =>
      kind === "managed" ? [formatKey({ plugin: word, command: name, variant: DEFAULT_VARIANT })] : [],
    );
  const failure = index.failures.find((one) => one.plugin === word);
  if (failure !== undefined) {
    const [fault, ...lines] = faultsOf(failure);
    throw new DtError("unknown", `The plugin ${word} could not be loaded: ${fault}`, { lines, status: EXIT.usage });
  }
  const known = [...groupsOf(index).keys(), ...Object.keys(index.plugins)];
  const near = nearestNames(word, known);
  throw wordsError(wordsOfUnknown("group or plugin", word, index.unread), hintOfNearest(near, known, index.unread));
}

export function defaultGroup(index: ManifestIndex): string[] {
  const keys = groupNamed(index, "default");
  if (keys !== null) return keys;
  const groups = [...groupsOf(index).keys()];
  const managed = Object.values(index.plugins).flatMap(({ name, commands }) =>
    Object.values(commands).flatMap((one) => (one.kind === "managed" ? [shortKey(`${name}:${one.name}:default`)] : [])),
  );
  const unread = index.unread.length === 0 ? "" : ` ${wordsOfUnread(index.unread)}`;
  const example = `groups: { default: ${JSON.stringify(managed.slice(0, 3))} }`;
  throw wordsError(
    `dt up without words starts the group "default", which no manifest ${index.unread.length === 0 ? "" : "that was read "}has.${groups.length === 0 ? "" : ` Groups are: ${groups.join(" ")}.`}${unread}`,
    `Name a group, plugins or keys; or write in a manifest: ${example}`,
  );
}

function wordsError(message: string, hint?: string): DtError {
  return new DtError("unknown", message, { status: EXIT.usage, ...(hint === undefined ? {} : { hint }) });
}
