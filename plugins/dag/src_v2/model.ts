/**
 * Builds a graph from the output of `dt list`: a node for each plugin, each key of a managed command and each one-shot;
 * an edge from each plugin to its commands, and one for each need.
 */
import type { Graph, GraphEdge, GraphNode, Listed, ListedCommand } from "./types.ts";

const DEFAULT = "default";

export function buildGraph({ plugins, failures }: Listed): Graph {
  const nodes: GraphNode[] = [];
  const edges: GraphEdge[] = [];
  for (const plugin of plugins) {
    const { name } = plugin;
    // Built-in plugins (`bun`, `go`) belong to no project; of an unread manifest nothing is known.
    if (name === null || plugin.origin === "binary") continue;
    const id = `plugin/${name}`;
    nodes.push({ id, kind: "plugin", title: name, description: plugin.description, words: name });
    for (const command of plugin.commands) {
      for (const node of nodesOf(name, command)) {
        nodes.push(node);
        edges.push({ from: id, to: node.id, is: "has" });
      }
      for (const [variant, needs] of Object.entries(command.needs ?? {}))
        for (const need of needs)
          edges.push({
            from: keyOf({ plugin: name, command: command.name, variant }),
            to: wholeKey(need),
            is: "needs",
          });
    }
  }
  return { nodes: [...nodes, ...missingOf(nodes, edges)], edges, failures };
}

function nodesOf(plugin: string, { name, kind, description, variants }: ListedCommand): GraphNode[] {
  if (kind === "oneshot") {
    const others = variants.filter((one) => one !== DEFAULT);
    const title = others.length === 0 ? name : `${name} (${others.join(", ")})`;
    return [
      { id: keyOf({ plugin, command: name, variant: DEFAULT }), kind, title, description, words: `${plugin} ${name}` },
    ];
  }
  return variants.map((variant) => ({
    id: keyOf({ plugin, command: name, variant }),
    kind,
    title: variant === DEFAULT ? name : `${name} ${variant}`,
    description,
    words: variant === DEFAULT ? `${plugin} ${name}` : `${plugin} ${name} ${variant}`,
  }));
}

/** Nodes for needs that dt does not list, since their plugin could not be loaded. */
function missingOf(nodes: readonly GraphNode[], edges: readonly GraphEdge[]): GraphNode[] {
  const known = new Set(nodes.map(({ id }) => id));
  const missing = new Set(edges.flatMap(({ to }) => (known.has(to) ? [] : [to])));
  return [...missing].map((id) => ({
    id,
    kind: "managed",
    title: id,
    description: "No loaded manifest declares it.",
    words: id,
  }));
}

function keyOf({ plugin, command, variant }: { plugin: string; command: string; variant: string }): string {
  return `${plugin}:${command}:${variant}`;
}

/** A key may omit its variant. */
function wholeKey(key: string): string {
  return key.split(":").length === 2 ? `${key}:${DEFAULT}` : key;
}
