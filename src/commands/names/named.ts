/**
 * For every verb that takes keys, plugins and groups: an unknown name on the command line is an error with the nearest
 * names.
 *
 *   what a name has                                           it is
 *   -------------------------------------------------------   ---------------------------------------------------
 *   files in the run directory                                known, whatever became of its manifest; not looked up
 *   a manifest that declares it, as it is or was last read    known, though it never ran
 *   a manifest that is broken, and did not declare it before  unknown
 *   code that changed since it was read, and did not          unknown where a typing error explains it; else it may be
 *   declare it then (no code is run to look)                  new: taken for known, with a warning
 *   a manifest of which nothing was ever read                 taken for known, with a warning
 *   none of these                                             unknown
 *
 * Which manifest that is: for a command or a variant, the one of its plugin; for a plugin, one whose file has its name
 * or that declared it before. A group, and a plugin whose file has another name, may be in any manifest: the error says
 * which ones could not be read.
 */
import { basename, extname } from "node:path";
import type { Glance, Unsure } from "../../manifest/glance.ts";
import { groupsOf } from "../../manifest/model/graph.ts";
import type { ResolvedCommand } from "../../manifest/model/resolved.ts";
import { DtError, EXIT } from "../../sys/base/error.ts";
import { nearestNames } from "../../sys/text/nearest.ts";
import { formatShortKey, isOfPlugin, type Key, keyParts, parseKey, pluginOf, shortKey } from "../../values/key.ts";
import type { DtContext } from "../context/types.ts";
import { wordsOfUnread } from "./unread.ts";
import { notesOf, wordsOfUnsure } from "./unsure.ts";

/** What names are looked up in. */
export interface NameScope extends Glance {
  root: string;
  /** Keys with files in the run directory. */
  onDisk: readonly string[];
}

type Judged =
  | { is: "known" }
  | { is: "unsure"; manifest: Unsure; near: string[] }
  /** `what`: a sentence without its end. `manifest`: the one that could declare it; `anywhere`: any could. */
  | { is: "unknown"; what: string; near: string[]; known: string[]; manifest: Unsure | "anywhere" | null };

/** A list of more commands than this is not read. */
const MOST_NEAR = 3;

export async function placesOf(context: DtContext): Promise<NameScope> {
  return { ...(await context.glance()), root: context.root(), onDisk: context.store().keys() };
}

export interface Unknown {
  names: string[];
  error: DtError;
}

/**
 * The names that are unknown; warns about those that may be known. A name is a key, or the one word of a plugin or
 * group.
 */
export function findUnknown(
  { talk }: DtContext,
  { places, names }: { places: NameScope; names: readonly string[] },
): Unknown | null {
  const judged = names.map((name) => ({ name, judged: judgeName(places, name) }));
  for (const { name, judged: one } of judged) {
    if (one.is !== "unsure") continue;
    const lines = one.near.length === 0 ? [] : [`Did you mean ${one.near.join(" or ")}?`];
    talk.warn(
      `dt cannot tell whether a manifest declares ${shortKey(name)}: ${wordsOfUnsure(places.root, one.manifest)}`,
      lines,
    );
  }
  const unknown = judged.flatMap(({ name, judged: one }) => (one.is === "unknown" ? [{ name, ...one }] : []));
  if (unknown.length === 0) return null;
  return { names: unknown.map(({ name }) => name), error: errorOf(places, unknown) };
}

/** For a name that was looked for in all manifests. */
export function unknownName({ root, index, onDisk }: Omit<NameScope, "unsure">, name: string): DtError {
  const unsure = [
    ...index.failures.map(({ file, plugin }): Unsure => ({ file, plugin, is: "failed" })),
    ...index.unread.map(({ file }): Unsure => ({ file, plugin: null, is: "untrusted" })),
  ];
  const judged = judgeName({ root, index, onDisk, unsure: [] }, name);
  if (judged.is !== "unknown") throw new Error(`${name} is known`);
  return errorOf({ root, index, onDisk, unsure }, [{ name, ...judged }]);
}

function judgeName(places: NameScope, name: string): Judged {
  const key = parseKey(name);
  return key === null ? judgeWord(places, name) : judgeKey(places, key);
}

function judgeWord(places: NameScope, word: string): Judged {
  const { index, unsure } = places;
  const names = [...new Set([...pluginsOf(places), ...groupsOf(index).keys()])];
  if (names.includes(word)) return { is: "known" };
  const near = nearestNames(word, names);
  const manifest = unsure.find((one) => mayDeclare(one, word));
  if (manifest !== undefined) return { is: "unsure", manifest, near };
  return {
    is: "unknown",
    what: `There is no plugin or group named "${word}"`,
    near: near.length > 0 ? near : commandsNear(places, word),
    known: names,
    manifest: "anywhere",
  };
}

function judgeKey(places: NameScope, key: Key): Judged {
  const { index, unsure } = places;
  const plugin = ownOf(index.plugins, key.plugin);
  const command = ownOf(plugin?.commands, key.command);
  if (ownOf(command?.variants, key.variant) !== undefined) return { is: "known" };
  const { known, near, what } = command === undefined ? unknownCommand(places, key) : unknownVariant(command, key);
  if (plugin === undefined) {
    const manifest = unsure.find((one) => mayDeclare(one, key.plugin));
    return manifest === undefined
      ? { is: "unknown", what, near, known, manifest: "anywhere" }
      : { is: "unsure", manifest, near };
  }
  const manifest = unsure.find((one) => one.file === plugin.file) ?? null;
  if (manifest?.is === "changed" && near.length === 0) return { is: "unsure", manifest, near };
  return { is: "unknown", what, near, known, manifest };
}

function unknownCommand(places: NameScope, key: Key): { what: string; near: string[]; known: string[] } {
  const plugins = pluginsOf(places);
  if (plugins.includes(key.plugin)) {
    const known = commandsOf(places, key.plugin);
    return {
      what: `There is no command of ${key.plugin} named "${key.command}"`,
      near: nearestNames(key.command, known).map((command) => formatShortKey({ ...key, command })),
      known,
    };
  }
  const near = nearestNames(key.plugin, plugins).map((plugin) => {
    const commands = commandsOf(places, plugin);
    const command = commands.includes(key.command) ? key.command : nearestNames(key.command, commands)[0];
    return command === undefined ? plugin : formatShortKey({ ...key, plugin, command });
  });
  return { what: `There is no plugin named "${key.plugin}"`, near, known: plugins };
}

function unknownVariant({ variants }: ResolvedCommand, key: Key): { what: string; near: string[]; known: string[] } {
  const known = Object.keys(variants);
  return {
    what: `There is no variant of ${key.plugin} ${key.command} named "${key.variant}"`,
    near: nearestNames(key.variant, known).map((variant) => formatShortKey({ ...key, variant })),
    known,
  };
}

function pluginsOf({ index, onDisk }: NameScope): string[] {
  return [...new Set([...Object.keys(index.plugins), ...onDisk.map(pluginOf)])];
}

function commandsOf({ index, onDisk }: NameScope, plugin: string): string[] {
  const ran = onDisk.flatMap((key) => (isOfPlugin(key, plugin) ? [keyParts(key).command] : []));
  return [...new Set([...Object.keys(ownOf(index.plugins, plugin)?.commands ?? {}), ...ran])];
}

/** A command's name alone means the command: it is looked for in every plugin. */
function commandsNear(places: NameScope, word: string): string[] {
  const all = pluginsOf(places).flatMap((plugin) => commandsOf(places, plugin).map((command) => ({ plugin, command })));
  const near = nearestNames(
    word,
    all.map(({ command }) => command),
  );
  const meant = all.some(({ command }) => command === word) ? [word] : near;
  return all
    .flatMap(({ plugin, command }) => (meant.includes(command) ? [formatShortKey({ plugin, command })] : []))
    .slice(0, MOST_NEAR);
}

function ownOf<T>(of: Record<string, T> | undefined, name: string): T | undefined {
  return of !== undefined && Object.hasOwn(of, name) ? of[name] : undefined;
}

/** A `manifests` folder that was refused as a whole may declare any name. */
function mayDeclare({ file, plugin }: Unsure, name: string): boolean {
  return plugin === name || basename(file, extname(file)) === name || basename(file) === "manifests";
}

function errorOf(
  places: NameScope,
  names: readonly ({ name: string } & Extract<Judged, { is: "unknown" }>)[],
): DtError {
  const { root, unsure } = places;
  const isAnywhere = names.some(({ manifest }) => manifest === "anywhere");
  const own = names.flatMap(({ manifest }) => (manifest === null || manifest === "anywhere" ? [] : [manifest]));
  const unread = isAnywhere ? [...notesOf(root, unsure), ...notesOfUnread(places)] : notesOf(root, [...new Set(own)]);
  const read = (manifest: unknown) =>
    unread.length === 0 || manifest === null ? "" : " among the manifests that were read";
  const sentences = new Set(names.map(({ what, manifest }) => `${what} in ${root}${read(manifest)}.`));
  const near = [...new Set(names.flatMap((one) => one.near))];
  const known = [...new Set(names.flatMap((one) => one.known))].sort();
  const none = known.length === 0 ? "`dt list` shows what there is." : `Known: ${known.join(" ")}`;
  return new DtError("unknown", [...sentences, ...unread].join(" "), {
    status: EXIT.usage,
    hint: near.length === 0 ? none : `Did you mean ${near.join(" or ")}?`,
    details: { names: names.map(({ name }) => name), nearest: near, root },
  });
}

function notesOfUnread({ index: { unread } }: NameScope): string[] {
  return unread.length === 0 ? [] : [wordsOfUnread(unread)];
}
