/**
 * What `dt <plugin> <command>` means in this root: which plugin and command, and how much of it is allowed in a root
 * that is not trusted.
 */
import { faultsOf } from "../../manifest/model/faults.ts";
import { findFailure } from "../../manifest/model/find.ts";
import type { ManifestIndex, ResolvedCommand, ResolvedPlugin } from "../../manifest/model/resolved.ts";
import { DtError, EXIT } from "../../sys/base/error.ts";
import { nearestNames } from "../../sys/text/nearest.ts";
import type { DtContext } from "../context/types.ts";
import { ownWords } from "../parse/args.ts";
import { VERBS } from "../parse/verbs.ts";
import { hintOfNearest, wordsOfUnknown } from "./unread.ts";

/**
 *   run       the command is run by its words: all manifests are read, and the root is trusted from `begin` on
 *   look      the root is not trusted, and the call only asks what would be done: no code of the root is read or run
 *   stranger  the command is the user's own or dt's, in a root that is not trusted: nothing of the root is read or used
 */
export type Called = { index: ManifestIndex; plugin: ResolvedPlugin; begin(): void } & {
  is: "run" | "look" | "stranger";
};

export async function callOf(
  context: DtContext,
  { name, words }: { name: string; words: readonly string[] },
): Promise<Called> {
  const begin = () => {};
  if (context.isStranger()) {
    const index = await context.index();
    const plugin = Object.hasOwn(index.plugins, name) ? index.plugins[name] : undefined;
    if (plugin?.origin === "home" || plugin?.origin === "binary") return { is: "stranger", index, plugin, begin };
    if (context.reading() === "data" && (context.globals.dryRun || isLook(plugin, words)))
      return { is: "look", index, plugin: findPlugin(context, { index, name }), begin };
  }
  const acting = await context.act(name);
  return {
    is: "run",
    index: acting.index,
    plugin: findPlugin(context, { index: acting.index, name }),
    begin: acting.begin,
  };
}

/**
 * Whether these words only look, as far as that is known of manifests that were not read. After a managed command
 * `--dry-run` is dt's; after a one-shot it is the command's own. A word that cannot be a command's name starts nothing.
 */
function isLook(plugin: ResolvedPlugin | undefined, words: readonly string[]): boolean {
  const [name = ""] = words;
  if (name === "" || name.startsWith("-") || maySeekHelp(words)) return true;
  const command = plugin !== undefined && Object.hasOwn(plugin.commands, name) ? plugin.commands[name] : undefined;
  // No other manifest can give a plugin a command, so there is none of this name.
  if (plugin !== undefined && command === undefined) return true;
  return command?.kind !== "oneshot" && holds(words, "--dry-run");
}

/** Also when the flag has a value, which is wrong usage. */
function holds(words: readonly string[], flag: string): boolean {
  return ownWords(words).some((word) => word === flag || word.startsWith(`${flag}=`));
}

/** `-h` may be a command's own, for a host say. It asks for help only as the last word. */
function maySeekHelp(words: readonly string[]): boolean {
  return holds(words, "--help") || ownWords(words).at(-1) === "-h";
}

export function findPlugin(
  context: DtContext,
  { index, name }: { index: ManifestIndex; name: string },
): ResolvedPlugin {
  const plugin = Object.hasOwn(index.plugins, name) ? index.plugins[name] : undefined;
  if (plugin !== undefined) return plugin;
  const failure = findFailure(index, name);
  if (failure !== undefined) {
    const [fault, ...lines] = faultsOf(failure);
    throw new DtError("manifest", `The plugin ${name} could not be loaded: ${fault}`, {
      lines,
      status: EXIT.usage,
      ...(failure.hint === null ? {} : { hint: failure.hint }),
      details: { file: failure.file, code: failure.code },
    });
  }
  const verbs = Object.entries(VERBS).flatMap(([verb, there]) => (there === null ? [] : [verb]));
  const root = context.root();
  const isKnown = context.reading() === "known";
  const notes = isKnown
    ? ["The daemon uses the manifests as they were when someone last ran a command or `dt trust` there."]
    : [];
  throw unknownWord("plugin or verb", {
    name,
    known: [...Object.keys(index.plugins), ...verbs],
    index,
    notes,
    root,
    ...(isKnown
      ? { hint: "Run a command in that project, or `dt trust`, and the daemon uses them as they are now." }
      : {}),
  });
}

export function findCommand(
  index: ManifestIndex,
  { plugin, name }: { plugin: ResolvedPlugin; name: string },
): ResolvedCommand {
  const command = Object.hasOwn(plugin.commands, name) ? plugin.commands[name] : undefined;
  if (command === undefined)
    throw unknownWord(`command of ${plugin.name}`, { name, known: Object.keys(plugin.commands), index });
  return command;
}

const NAMELESS_LIMIT = 3;

/** Manifests that failed before they had a name. */
function linesOfNameless({ failures }: Pick<ManifestIndex, "failures">): string[] {
  const nameless = failures.filter(({ plugin }) => plugin === null);
  const lines = nameless.slice(0, NAMELESS_LIMIT).flatMap((failure) => faultsOf(failure).slice(0, 1));
  const more = nameless.length - lines.length;
  return more > 0 ? [...lines, `and ${more} more: \`dt list\``] : lines;
}

interface UnknownWord {
  name: string;
  known: string[];
  index: Pick<ManifestIndex, "root" | "unread" | "failures">;
  notes?: string[] | undefined;
  hint?: string | undefined;
  root?: string | undefined;
}

/**
 * The error for a name that is not known: with the nearest names, and with the manifests that were not read and may
 * have it. `notes`: sentences about where it was looked for.
 */
export function unknownWord(what: string, { name, known, index, notes = [], hint, root }: UnknownWord): DtError {
  const near = nearestNames(name, known);
  const { unread } = index;
  // A caller that names a known plugin knows the project.
  const project = root ?? (what.startsWith("plugin") ? index.root : undefined);
  return new DtError("unknown", [wordsOfUnknown(what, { name, root: project, unread }), ...notes].join(" "), {
    status: EXIT.usage,
    // One of these may be the plugin that is meant.
    lines: what.startsWith("plugin") ? linesOfNameless(index) : [],
    hint: hint ?? hintOfNearest(near, { known, unread }),
    details: {
      nearest: near,
      ...(root === undefined ? {} : { root }),
      ...(unread.length === 0 ? {} : { unread: unread.map(({ file }) => file) }),
    },
  });
}

/**
 * Whether the plugin is the root's own and declares a `watch` or a `schedule`. Every start asks this, so nothing is
 * read for it.
 */
export function asksForService({ watch, commands, origin }: ResolvedPlugin): boolean {
  if (origin === "home" || origin === "binary") return false;
  if (watch.length > 0) return true;
  for (const name in commands) {
    const { variants } = commands[name] as (typeof commands)[string];
    for (const variant in variants) if (variants[variant]?.schedule !== null) return true;
  }
  return false;
}
