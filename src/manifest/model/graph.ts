/** The graph of needs over the keys of all manifests: what some keys need, in order, and the faults in it. Pure. */
import { formatKey, pluginOf, shortKey } from "../../values/key.ts";
import { type Plugins, settingsOf } from "./find.ts";
import type { Condition, ManifestIndex, Settings } from "./resolved.ts";

export interface Edge {
  key: string;
  condition: Condition;
}

export interface GraphNode {
  key: string;
  settings: Settings;
  needs: Edge[];
}

/** The kind of command that can meet a condition. */
export const KIND_OF = { started: "managed", ready: "managed", completed: "oneshot" } as const;

/** The plugins of which the declarations are unknown. */
type Absent = Pick<ReadonlySet<string>, "has">;

export function showPath(keys: readonly string[]): string {
  return keys.map(shortKey).join(" -> ");
}

/** Whether a manifest that was not read may declare what the index lacks. */
export function mayDeclareMore({ unread, isPartial }: Pick<ManifestIndex, "unread" | "isPartial">): boolean {
  return unread.length > 0 || isPartial === true;
}

/** What a command needs before it starts; it also needs what the one-shots in its `before` need. */
export function edgesOf(plugins: Plugins, settings: Settings): Edge[] {
  const own = settings.needs.map(({ key, condition }) => {
    const kind = settingsOf(plugins, key)?.kind;
    return { key, condition: condition ?? (kind === "oneshot" ? ("completed" as const) : ("ready" as const)) };
  });
  const before = settings.kind === "managed" ? settings.before : [];
  const theirs = before.flatMap((key) => {
    const oneshot = settingsOf(plugins, key);
    return oneshot === undefined ? [] : edgesOf(plugins, oneshot);
  });
  return [...own, ...theirs.filter((edge) => !own.some((one) => one.key === edge.key))];
}

/**
 * These keys and everything they need, directly or indirectly, needs first. A key that nothing declares is in
 * `missing`, with the path that leads to it. The plugins contain no cycle: findFaults removed those.
 */
export function needsClosureOf(
  { plugins }: Pick<ManifestIndex, "plugins">,
  keys: readonly string[],
): { nodes: GraphNode[]; missing: string[][] } {
  const nodes = new Map<string, GraphNode>();
  const missing: string[][] = [];
  const visit = (path: string[]) => {
    const key = path.at(-1) as string;
    if (nodes.has(key)) return;
    const settings = settingsOf(plugins, key);
    if (settings === undefined) return void missing.push(path);
    const needs = edgesOf(plugins, settings);
    for (const need of needs) visit([...path, need.key]);
    nodes.set(key, { key, settings, needs });
  };
  for (const key of keys) visit([key]);
  return { nodes: [...nodes.values()], missing };
}

/** The nodes that need the key, directly or indirectly. */
export function dependentsOf(nodes: readonly GraphNode[], key: string): string[] {
  const found = new Set<string>();
  const visit = (needed: string) => {
    for (const { key, needs } of nodes) {
      if (found.has(key) || !needs.some((one) => one.key === needed)) continue;
      found.add(key);
      visit(key);
    }
  };
  visit(key);
  return [...found];
}

/** The keys, each after the ones it needs; keys that the graph does not constrain keep their order. */
export function orderByNeeds(keys: readonly string[], needsOf: (key: string) => readonly string[]): string[] {
  const wanted = new Set(keys);
  const seen = new Set<string>();
  const order: string[] = [];
  const visit = (key: string) => {
    if (seen.has(key)) return;
    seen.add(key);
    for (const need of needsOf(key)) visit(need);
    if (wanted.has(key)) order.push(key);
  };
  for (const key of keys) visit(key);
  return order;
}

/** All groups, each with the keys of every plugin that adds to it. */
export function groupsOf({ plugins }: Pick<ManifestIndex, "plugins">): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const plugin of Object.values(plugins)) {
    for (const [name, keys] of Object.entries(plugin.groups))
      groups.set(name, [...new Set([...(groups.get(name) ?? []), ...keys])]);
  }
  return groups;
}

/**
 * The faults in the needs of all plugins together, by plugin. A need for a key of an `absent` plugin, such as one that
 * failed to load, is not a fault here: starting the command reports it.
 */
export function findFaults(plugins: Plugins, absent: Absent): Map<string, string[]> {
  const faults = new Map<string, string[]>();
  const blame = (plugin: string, text: string) => {
    const texts = faults.get(plugin) ?? [];
    if (!texts.includes(text)) faults.set(plugin, [...texts, text]);
  };
  const graph = new Map<string, string[]>();
  for (const plugin of Object.values(plugins)) {
    for (const [name, keys] of Object.entries(plugin.groups)) {
      for (const key of keys)
        if (isUnknown(plugins, { absent, key }))
          blame(plugin.name, `the group ${name} names ${shortKey(key)}, which no manifest declares`);
    }
    for (const { run } of plugin.watch)
      if (isUnknown(plugins, { absent, key: run }))
        blame(plugin.name, `watches files for ${shortKey(run)}, which no manifest declares`);
      else if (settingsOf(plugins, run)?.kind === "managed")
        blame(
          plugin.name,
          `watches files for ${shortKey(run)}, which is managed: \`watch\` is for one-shots, \`restartOn\` for managed commands`,
        );
    for (const command of Object.values(plugin.commands)) {
      for (const [variant, settings] of Object.entries(command.variants)) {
        const key = formatKey({ plugin: plugin.name, command: command.name, variant });
        const { needed, wrong } = judgeNeeds(plugins, { absent, settings });
        for (const text of wrong) blame(plugin.name, `${shortKey(key)} ${text}`);
        if (needed.length > 0) graph.set(key, needed);
      }
    }
  }
  for (const circle of findCircles(graph)) {
    const text = `needs form a cycle: ${showPath(circle)}`;
    for (const key of circle) blame(pluginOf(key), text);
  }
  return faults;
}

function judgeNeeds(plugins: Plugins, { absent, settings }: { absent: Absent; settings: Settings }) {
  const needed: string[] = [];
  const wrong: string[] = [];
  for (const { key, condition } of settings.needs) {
    const found = settingsOf(plugins, key);
    if (found === undefined) {
      if (isUnknown(plugins, { absent, key })) wrong.push(`needs ${shortKey(key)}, which no manifest declares`);
    } else {
      needed.push(key);
      if (condition !== null && KIND_OF[condition] !== found.kind)
        wrong.push(`needs ${shortKey(key)} to be ${condition}, which a ${found.kind} command never is`);
    }
  }
  for (const key of settings.kind === "managed" ? settings.before : []) {
    const found = settingsOf(plugins, key);
    if (found === undefined) {
      if (isUnknown(plugins, { absent, key }))
        wrong.push(`has ${shortKey(key)} in \`before\`, which no manifest declares`);
    } else if (found.kind === "managed") {
      wrong.push(
        `has ${shortKey(key)} in \`before\`, which is managed: \`before\` is for one-shots, \`needs\` for managed commands`,
      );
    } else needed.push(key);
  }
  return { needed, wrong };
}

function isUnknown(plugins: Plugins, { absent, key }: { absent: Absent; key: string }): boolean {
  return settingsOf(plugins, key) === undefined && !absent.has(pluginOf(key));
}

/** Each cycle once, as a path that ends where it begins. */
function findCircles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const circles: string[][] = [];
  const done = new Set<string>();
  const visit = (path: string[], on: Set<string>) => {
    const key = path.at(-1) as string;
    for (const need of graph.get(key) ?? []) {
      if (on.has(need)) circles.push([...path.slice(path.indexOf(need)), need]);
      else if (!done.has(need)) visit([...path, need], new Set(on).add(need));
    }
    done.add(key);
  };
  for (const key of graph.keys()) if (!done.has(key)) visit([key], new Set([key]));
  return circles;
}
