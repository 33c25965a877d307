/** From what dt lists to a graph: a node for each plugin, each key of a managed command, each one-shot; an edge for each belonging and need. */
import type { Graph, GraphEdge, GraphNode, Listed, ListedCommand } from "./types.ts";

const DEFAULT = "default";

export function buildGraph({ plugins, failures }: Listed): Graph {
  const nodes: GraphNode[] = [];
  const edges: GraphEdge[] = [];
  for (const plugin of plugins) {
    const { name } = plugin;
    // What is inside dt (`bun`, `go`) belongs to no project; of what was not read nothing is known.
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
          edges.push({ from: keyOf(name, command.name, variant), to: wholeKey(need), is: "needs" });
    }
  }
  return { nodes: [...nodes, ...missingOf(nodes, edges)], edges, failures };
}

function nodesOf(plugin: string, { name, kind, description, variants }: ListedCommand): GraphNode[] {
  if (kind === "oneshot") {
    const others = variants.filter((one) => one !== DEFAULT);
    const title = others.length === 0 ? name : `${name} (${others.join(", ")})`;
    return [{ id: keyOf(plugin, name, DEFAULT), kind, title, description, words: `${plugin} ${name}` }];
  }
  return variants.map((variant) => ({
    id: keyOf(plugin, name, variant),
    kind,
    title: variant === DEFAULT ? name : `${name} ${variant}`,
    description,
    words: variant === DEFAULT ? `${plugin} ${name}` : `${plugin} ${name} ${variant}`,
  }));
}

/** What is needed and not listed, since its plugin could not be loaded. */
function missingOf(nodes: readonly GraphNode[], edges: readonly GraphEdge[]): GraphNode[] {
  const known = new Set(nodes.map(({ id }) => id));
  const missing = new Set(edges.flatMap(({ to }) => (known.has(to) ? [] : [to])));
  return [...missing].map((id) => ({
    id,
    kind: "managed",
    title: id,
    description: "No manifest that could be loaded has it.",
    words: id,
  }));
}

function keyOf(plugin: string, command: string, variant: string): string {
  return `${plugin}:${command}:${variant}`;
}

/** A key may leave its variant out. */
function wholeKey(key: string): string {
  return key.split(":").length === 2 ? `${key}:${DEFAULT}` : key;
}
