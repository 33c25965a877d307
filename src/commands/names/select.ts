/** What words name: groups, plugins and keys, or one process by its words. An unknown name is an error (named.ts). */
import { existsSync } from "node:fs";
import { faultsOf } from "../../manifest/model/faults.ts";
import { commandOf, findFailure, managedOf, settingsOf } from "../../manifest/model/find.ts";
import { edgesOf, groupsOf, orderByNeeds } from "../../manifest/model/graph.ts";
import type { ManifestIndex } from "../../manifest/model/resolved.ts";
import type { FileKind, Store } from "../../state/store.ts";
import { DtError, EXIT } from "../../sys/base/error.ts";
import {
  formatKey,
  formatShortKey,
  isKeyWord,
  isOfPlugin,
  keyParts,
  parseSelection,
  pluginOf,
  type Selection,
  shortKey,
  typedKey,
  wholeKey,
} from "../../values/key.ts";
import type { DtContext } from "../context/types.ts";
import type { Unknown } from "./named.ts";
import { wordsOfUnread } from "./unread.ts";

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

/**
 * What the words of `stop`, `restart`, `status` and similar verbs name: as parseSelection does, and a group by its
 * name, in order of needs. Throws for an unknown name (named.ts); manifests are asked only about a name that left
 * nothing on disk. `unchecked`: the caller checks keys itself.
 */
export async function selectionOf(
  context: DtContext,
  { words, unchecked = false }: { words: readonly string[]; unchecked?: boolean | undefined },
): Promise<Selection> {
  const selection = parseSelection(words);
  if (selection.is === "all") return selection;
  if (selection.is === "keys") {
    const unknown = unchecked ? null : await unknownKeys(context, selection.keys);
    if (unknown !== null) throw unknown.error;
    return selection;
  }
  const { plugin: word } = selection;
  const index = await context.peek();
  const group = index === null ? null : groupSelection(index, word);
  if (group !== null || (index !== null && Object.hasOwn(index.plugins, word)) || hasRun(context.store(), word))
    return group ?? selection;
  const { findUnknown, placesOf } = await import("./named.ts");
  const places = await placesOf(context);
  const unknown = findUnknown(context, { places, names: [word] });
  if (unknown !== null) throw unknown.error;
  return groupSelection(places.index, word) ?? selection;
}

/**
 * Throws for a key that left nothing on disk and is declared as a one-shot: it never runs as a launch. `what`: why that
 * does not do, as the end of "a one-shot, which …".
 */
export async function refuseOneshots(
  context: DtContext,
  { keys, what }: { keys: readonly string[]; what: string },
): Promise<void> {
  const store = context.store();
  const absent = keys.filter((key) => !hasLeft(store, key));
  if (absent.length === 0) return;
  const { plugins } = (await context.peek()) ?? (await context.glance()).index;
  const oneshot = absent.find((key) => settingsOf(plugins, key)?.kind === "oneshot");
  if (oneshot !== undefined)
    throw wordsError(`${shortKey(oneshot)} is a one-shot, which ${what}.`, `Run it: dt ${typedKey(oneshot)}`);
}

/**
 * The keys that left nothing on disk and that no manifest declares, with the error for them; null when there are none.
 */
export async function unknownKeys(context: DtContext, keys: readonly string[]): Promise<Unknown | null> {
  const store = context.store();
  const absent = keys.filter((key) => !hasLeft(store, key));
  if (absent.length === 0) return null;
  const { findUnknown, placesOf } = await import("./named.ts");
  return findUnknown(context, { places: await placesOf(context), names: absent });
}

/** Whether anything on disk belongs to the key. */
export function hasLeft(store: Store, key: string): boolean {
  return LEFT.some((kind) => existsSync(store.path(key, kind)));
}

const LEFT: readonly FileKind[] = ["record", "exit", "lock", "log", "want"];

/** Whether a command of the plugin left a record or an exit. */
function hasRun(store: Store, plugin: string): boolean {
  return store.keys().some((key) => isOfPlugin(key, plugin));
}

function groupSelection(index: ManifestIndex, word: string): Selection | null {
  const keys = groupNamed(index, word)?.filter((key) => settingsOf(index.plugins, key)?.kind === "managed");
  return keys === undefined ? null : { is: "keys", keys: orderByNeeds(keys, (key) => needsIn(index, key)) };
}

function needsIn({ plugins }: ManifestIndex, key: string): string[] {
  const settings = settingsOf(plugins, key);
  return settings === undefined ? [] : edgesOf(plugins, settings).map((edge) => edge.key);
}

/**
 * Where `up` and `down` look names up. `onDisk`: keys that can be named though no manifest declares them any longer.
 */
export interface KnownNames {
  root: string;
  index: ManifestIndex;
  onDisk: readonly string[];
}

/**
 * The names that the words are, each a key or the one word of a group or plugin. The words of one process are one name,
 * its key.
 */
export function namesOf(named: KnownNames, words: readonly string[]): string[] {
  for (const word of words) parseSelection([word]);
  const names = words.map((word) => (isKeyWord(word) ? wholeKey(word) : word));
  const key = processOf(words);
  if (key === null) return names;
  const areNames = names.every((name) => isThere(named, name));
  const isProcess = isThere(named, key) || isCommand(named, key);
  if (areNames && isProcess)
    throw wordsError(
      `"${words.join(" ")}" is the command ${shortKey(key)}, and "${words[1]}" a plugin or group too.`,
      `Write the key: ${shortKey(key)}`,
    );
  // A plugin's name followed by an unknown one is meant for one of its commands. If no word is a name, a process is
  // likelier.
  const isMeant = !areNames && (isThere(named, words[0] as string) || !names.some((name) => isThere(named, name)));
  return isProcess || isMeant ? [key] : names;
}

/** The key that these may be the words of; null where they cannot be. */
function processOf(words: readonly string[]): string | null {
  if (words.length < 2 || words.length > 3 || words.some(isKeyWord)) return null;
  const [plugin = "", command = "", variant] = words;
  return formatKey({ plugin, command, variant });
}

function isCommand({ index }: KnownNames, key: string): boolean {
  const { plugin, command } = keyParts(key);
  return commandOf(index.plugins, { plugin, command }) !== undefined;
}

export function isThere({ index, onDisk }: KnownNames, name: string): boolean {
  if (isKeyWord(name)) return settingsOf(index.plugins, name) !== undefined || onDisk.includes(name);
  return Object.hasOwn(index.plugins, name) || groupsOf(index).has(name) || onDisk.some((key) => isOfPlugin(key, name));
}

/**
 * A plugin stands for its managed commands, each in its default variant, and for all its keys on disk. Throws for an
 * unknown name.
 */
export function keysOfName(named: KnownNames, name: string): string[] {
  const { index, onDisk } = named;
  if (!isThere(named, name)) throw absentError(named, name);
  if (isKeyWord(name)) return [name];
  return (
    groupNamed(index, name) ?? [
      ...new Set([...managedOf(index, name), ...onDisk.filter((key) => isOfPlugin(key, name))]),
    ]
  );
}

function absentError(named: KnownNames, name: string): DtError {
  const plugin = pluginOf(name);
  const failure = Object.hasOwn(named.index.plugins, plugin) ? undefined : findFailure(named.index, plugin);
  if (failure !== undefined) {
    const [fault, ...lines] = faultsOf(failure);
    return new DtError("unknown", `The plugin ${plugin} could not be loaded: ${fault}`, { lines, status: EXIT.usage });
  }
  const { unknownName } = require("./named.ts") as typeof import("./named.ts");
  return unknownName(named, name);
}

export function defaultGroup(index: ManifestIndex, root: string): string[] {
  const keys = groupNamed(index, "default");
  if (keys !== null) return keys;
  const groups = [...groupsOf(index).keys()];
  const managed = Object.values(index.plugins).flatMap(({ name, commands }) =>
    Object.values(commands).flatMap((one) =>
      one.kind === "managed" ? [formatShortKey({ plugin: name, command: one.name })] : [],
    ),
  );
  const { notesOf } = require("./unsure.ts") as typeof import("./unsure.ts");
  const failed = index.failures.map(({ file, plugin }) => ({ file, plugin, is: "failed" as const }));
  const notes = [
    ...(groups.length === 0 ? [] : [`Groups are: ${groups.join(" ")}.`]),
    ...notesOf(root, failed),
    ...(index.unread.length === 0 ? [] : [wordsOfUnread(index.unread)]),
  ];
  const isWhole = failed.length === 0 && index.unread.length === 0;
  const example = `groups: { default: ${JSON.stringify(managed.slice(0, 3))} }`;
  throw wordsError(
    [
      `dt up without words starts the group "default", which no manifest of ${root} ${isWhole ? "" : "that was read "}has.`,
      ...notes,
    ].join(" "),
    `Name a group, plugins or keys; or write in a manifest: ${example}`,
  );
}

function wordsError(message: string, hint?: string): DtError {
  return new DtError("unknown", message, { status: EXIT.usage, ...(hint === undefined ? {} : { hint }) });
}
