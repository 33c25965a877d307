/**
 * Builds the index from the outcome of each manifest: assigns names, reports conflicts, removes prototypes from maps.
 */
import type { FoundManifest } from "../discover/discover.ts";
import { findFaults } from "../model/graph.ts";
import type { Outcome } from "../model/outcome.ts";
import { isNewlyReserved, isReservedVerb } from "../model/reserved.ts";
import type { ManifestFailure, ManifestIndex, ResolvedPlugin, UnreadManifest } from "../model/resolved.ts";

export interface LoadedManifest extends FoundManifest {
  outcome: Outcome;
  /** The files that it consists of, itself included. */
  parts?: readonly string[];
}

export interface Assembled {
  root: string;
  failures: ManifestFailure[];
  unread: UnreadManifest[];
  /** The root is not trusted. */
  isStrange: boolean;
}

/**
 * No plugin gets a name that two manifests claim. A broken manifest whose name was read claims it too. Built-in plugins
 * come last and silently give way.
 */
export function assembleIndex(
  all: LoadedManifest[],
  { sight, builtins }: { sight: Assembled; builtins: ResolvedPlugin[] },
): ManifestIndex {
  const { root, unread } = sight;
  const index: ManifestIndex = { root, plugins: Object.create(null), failures: [...sight.failures], unread };
  const loaded = sight.isStrange ? withoutTaken(all, { builtins, failures: index.failures }) : all;
  const imported = new Set(loaded.flatMap(({ file, parts = [] }) => parts.filter((part) => part !== file)));
  const claims = new Map<string, LoadedManifest[]>();
  for (const manifest of loaded) {
    const { outcome, file } = manifest;
    if (outcome.is === "failure") index.failures.push(outcome.failure);
    // A file that another manifest imports is a helper of that one.
    if (outcome.is === "helper" && !imported.has(file)) index.failures.push(noPlugin(file, outcome.why));
    const name =
      outcome.is === "plugin" ? outcome.plugin.name : outcome.is === "failure" ? outcome.failure.plugin : null;
    if (name !== null) claims.set(name, [...(claims.get(name) ?? []), manifest]);
  }
  for (const [name, claimants] of claims) {
    for (const { outcome, file, origin } of claimants) {
      if (outcome.is !== "plugin") continue;
      if (isReservedVerb(name) && !isNewlyReserved(name)) index.failures.push(reserved(file, name));
      else if (claimants.length > 1) index.failures.push(duplicate(file, { name, claimants }));
      else index.plugins[name] = withoutPrototypes({ ...outcome.plugin, file, origin });
    }
  }
  for (const builtin of builtins) {
    if (!claims.has(builtin.name)) index.plugins[builtin.name] = withoutPrototypes(builtin);
  }
  takeAwayBroken(index);
  return index;
}

/** An untrusted manifest cannot claim the name of a built-in plugin or of one in the user's home of dt. */
function withoutTaken(
  loaded: LoadedManifest[],
  { builtins, failures }: { builtins: ResolvedPlugin[]; failures: ManifestFailure[] },
): LoadedManifest[] {
  const nameOf = ({ outcome }: LoadedManifest) => (outcome.is === "plugin" ? outcome.plugin.name : null);
  const taken = new Set<string | null>(builtins.map(({ name }) => name));
  for (const one of loaded) if (one.origin === "home") taken.add(nameOf(one));
  return loaded.filter((one) => {
    const name = nameOf(one);
    if (one.origin === "home" || name === null || !taken.has(name)) return true;
    failures.push(strange(one.file, name));
    return false;
  });
}

function strange(file: string, name: string): ManifestFailure {
  return {
    file,
    code: "untrusted",
    message: `${file}: the plugin name "${name}" belongs to dt or to your home of dt; a project that is not trusted cannot take it.`,
    hint: "`dt trust` gives it the name.",
    plugin: null,
  };
}

/** Removes the plugins whose needs cannot be met or form a cycle. */
function takeAwayBroken(index: ManifestIndex): void {
  const failed = new Set(index.failures.flatMap(({ plugin }) => plugin ?? []));
  // An unread manifest may declare any plugin.
  const absent = index.unread.length > 0 ? { has: () => true } : failed;
  for (const [name, texts] of findFaults(index.plugins, absent)) {
    const { file } = index.plugins[name] as ResolvedPlugin;
    delete index.plugins[name];
    index.failures.push({
      file,
      code: "graph",
      message: texts.map((text) => `${file}: ${text}.`).join("\n"),
      hint: "Correct `needs`, `before` or `groups`; `dt list` shows what exists.",
      plugin: name,
    });
  }
}

/** Objects parsed from JSON inherit from `Object.prototype`, where a lookup of `constructor` would find a function. */
function withoutPrototypes(plugin: ResolvedPlugin): ResolvedPlugin {
  Object.setPrototypeOf(plugin.commands, null);
  Object.setPrototypeOf(plugin.groups, null);
  for (const command of Object.values(plugin.commands)) {
    Object.setPrototypeOf(command.variants, null);
    for (const settings of Object.values(command.variants)) Object.setPrototypeOf(settings.env, null);
  }
  return plugin;
}

function reserved(file: string, name: string): ManifestFailure {
  return {
    file,
    code: "reserved",
    message: `${file}: the plugin name "${name}" is taken by the built-in verb \`dt ${name}\`.`,
    hint: "Give the plugin another name.",
    plugin: name,
  };
}

function duplicate(file: string, { name, claimants }: { name: string; claimants: LoadedManifest[] }): ManifestFailure {
  const others = claimants.filter((other) => other.file !== file).map((other) => other.file);
  return {
    file,
    code: "duplicate",
    message: `${file}: the plugin name "${name}" is also used by ${others.join(" and ")}; neither is loaded.`,
    hint: "Rename or remove one of them.",
    plugin: name,
  };
}

function noPlugin(file: string, why: string): ManifestFailure {
  return {
    file,
    code: "no-plugin",
    message: `${file}: ${why}.`,
    hint: /^(?:is empty|holds nothing);/.test(why)
      ? null
      : "Move a helper that no manifest imports into a folder of its own; one below `manifests/` will do.",
    plugin: null,
  };
}
