/**
 * Places everything in layers from left to right: each need is to the right of the command that needs it, and nothing
 * overlaps.
 */
import { Graph as Dagre, layout } from "@dagrejs/dagre";
import type { Graph, GraphNode, Layout, PlacedNode, Point } from "./types.ts";

const SIZES = { height: 46, plugin: 38, gap: 14, edges: 12, layers: 70, margin: 24 };
/** The width of a character in the page's fonts; the page cuts a title that is longer than the widest node. */
const CHARACTER = 8.2;
const LEAST = 158;
const MOST = 300;

export function placeGraph({ nodes, edges }: Graph): Layout {
  const dagre = new Dagre({ multigraph: true });
  dagre.setGraph({
    rankdir: "LR",
    nodesep: SIZES.gap,
    ranksep: SIZES.layers,
    edgesep: SIZES.edges,
    marginx: SIZES.margin,
    marginy: SIZES.margin,
  });
  dagre.setDefaultEdgeLabel(() => ({}));
  for (const node of nodes)
    dagre.setNode(node.id, { width: widthOf(node), height: node.kind === "plugin" ? SIZES.plugin : SIZES.height });
  // A need weighs more than membership in a plugin, so commands end up close to their needs.
  for (const { from, to, is } of edges) dagre.setEdge(from, to, { weight: is === "needs" ? 3 : 1 }, is);
  if (nodes.length > 0) layout(dagre);
  const { width = 0, height = 0 } = dagre.graph();
  const placed = nodes.map((node): PlacedNode => {
    const { x = 0, y = 0, width: wide = 0, height: high = 0 } = dagre.node(node.id);
    return { ...node, x, y, width: wide, height: high };
  });
  const layers = findLayers(placed);
  const byId = new Map(placed.map((node) => [node.id, node]));
  return {
    width: Math.ceil(width),
    height: Math.ceil(height),
    nodes: placed,
    edges: edges.map((edge) => {
      const [from, to] = [byId.get(edge.from) as PlacedNode, byId.get(edge.to) as PlacedNode];
      return {
        ...edge,
        points: route(from, { to, points: dagre.edge(edge.from, edge.to, edge.is).points ?? [], layers }),
      };
    }),
  };
}

interface Layer {
  x: number;
  /** Half of the widest node in it. */
  half: number;
}

/** The centers of all nodes in a layer have the same x. */
function findLayers(nodes: readonly PlacedNode[]): Layer[] {
  const layers = Map.groupBy(nodes, ({ x }) => Math.round(x));
  return [...layers].map(([x, of]) => ({ x, half: Math.max(...of.map((node) => node.width / 2)) }));
}

/**
 * From the right of one node to the left of the other. Through each layer in between, the edge runs horizontally, at
 * the height that dagre kept free for it; it changes its height only between layers, so no edge crosses a node.
 */
function route(
  from: PlacedNode,
  { to, points, layers }: { to: PlacedNode; points: readonly Point[]; layers: readonly Layer[] },
): Point[] {
  const halfOf = (x: number) => layers.find((layer) => Math.abs(layer.x - x) < 1)?.half;
  const ahead = from.x < to.x;
  const start = { x: from.x + (ahead ? 1 : -1) * (from.width / 2), y: from.y };
  const end = { x: to.x - (ahead ? 1 : -1) * (to.width / 2), y: to.y };
  const between = points.slice(1, -1).flatMap(({ x, y }): Point[] => {
    const half = halfOf(x);
    if (half === undefined || Math.abs(x - from.x) < 1 || Math.abs(x - to.x) < 1) return [];
    return ahead
      ? [
          { x: x - half, y },
          { x: x + half, y },
        ]
      : [
          { x: x + half, y },
          { x: x - half, y },
        ];
  });
  const leave = halfOf(from.x) ?? from.width / 2;
  const arrive = halfOf(to.x) ?? to.width / 2;
  const sign = ahead ? 1 : -1;
  return [start, { x: from.x + sign * leave, y: from.y }, ...between, { x: to.x - sign * arrive, y: to.y }, end];
}

function widthOf({ title }: GraphNode): number {
  return Math.max(LEAST, Math.min(MOST, Math.ceil(title.length * CHARACTER + 46)));
}
