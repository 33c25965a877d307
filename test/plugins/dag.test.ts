/** The graph of the dag plugin: what is in it, that nothing lies on anything, and that no text becomes markup. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { drawGraph } from "../../plugins/dag/src_v2/draw.ts";
import { placeGraph } from "../../plugins/dag/src_v2/layout.ts";
import { buildGraph } from "../../plugins/dag/src_v2/model.ts";
import type { Graph, Layout, Listed, PlacedEdge, Point, Row } from "../../plugins/dag/src_v2/types.ts";

const listed = (
  plugins: Record<string, Record<string, { kind?: "oneshot"; variants?: string[]; needs?: Record<string, string[]> }>>,
): Listed => ({
  plugins: Object.entries(plugins).map(([name, commands]) => ({
    name,
    description: null,
    file: `/r/manifests/${name}.ts`,
    origin: "root",
    commands: Object.entries(commands).map(([command, { kind, variants = ["default"], needs = {} }]) => ({
      name: command,
      kind: kind ?? ("managed" as const),
      description: null,
      variants,
      needs,
    })),
  })),
  failures: [],
});

describe("the graph", () => {
  test("the graph has a node for each plugin, key and one-shot, and an edge for each membership and need", () => {
    const graph = buildGraph(
      listed({
        www: {
          dev: { variants: ["default", "beta"], needs: { beta: ["db:main"] } },
          build: { kind: "oneshot", variants: ["default", "small"] },
        },
        db: { main: {} },
      }),
    );
    expect(graph.nodes.map(({ id, title }) => [id, title])).toEqual([
      ["plugin/www", "www"],
      ["www:dev:default", "dev"],
      ["www:dev:beta", "dev beta"],
      ["www:build:default", "build (small)"],
      ["plugin/db", "db"],
      ["db:main:default", "main"],
    ]);
    expect(graph.edges.filter(({ is }) => is === "needs")).toEqual([
      { from: "www:dev:beta", to: "db:main:default", is: "needs" },
    ]);
    expect(graph.edges.filter(({ is }) => is === "has")).toHaveLength(4);
  });

  test("the graph shows a needed key that could not be loaded, but not dt's own plugins", () => {
    const graph = buildGraph({ ...listed({ a: { b: { needs: { default: ["gone:x:y"] } } } }), failures: [] });
    expect(graph.nodes.at(-1)).toMatchObject({ id: "gone:x:y", kind: "managed" });
    const inside = listed({ bun: { exec: {} } });
    expect(
      buildGraph({ ...inside, plugins: inside.plugins.map((one) => ({ ...one, origin: "binary" })) }).nodes,
    ).toEqual([]);
  });

  test("an empty graph is an empty picture", () => {
    const layout = placeGraph(buildGraph(listed({})));
    expect([layout.nodes, layout.edges]).toEqual([[], []]);
    expect(drawGraph(layout, [])).toContain("<svg");
  });
});

/** Points on the drawn curve, close to each other. */
function along({ points }: PlacedEdge): Point[] {
  return points.slice(1).flatMap((b, index) => {
    const a = points[index] as Point;
    return Array.from({ length: 21 }, (_, step) => {
      const t = step / 20;
      const middle = (a.x + b.x) / 2;
      const [u, v] = [1 - t, t];
      return {
        x: u ** 3 * a.x + 3 * u * u * v * middle + 3 * u * v * v * middle + v ** 3 * b.x,
        y: u ** 3 * a.y + 3 * u * u * v * a.y + 3 * u * v * v * b.y + v ** 3 * b.y,
      };
    });
  });
}

function overlaps({ nodes }: Layout): string[] {
  return nodes.flatMap((a, at) =>
    nodes
      .slice(at + 1)
      .flatMap((b) =>
        Math.abs(a.x - b.x) < (a.width + b.width) / 2 && Math.abs(a.y - b.y) < (a.height + b.height) / 2
          ? [`${a.id} ${b.id}`]
          : [],
      ),
  );
}

function crossings({ nodes, edges }: Layout): string[] {
  return edges.flatMap((edge) =>
    nodes.flatMap((node) => {
      if (node.id === edge.from || node.id === edge.to) return [];
      const inside = along(edge).some(
        ({ x, y }) => Math.abs(x - node.x) < node.width / 2 - 1 && Math.abs(y - node.y) < node.height / 2 - 1,
      );
      return inside ? [`${edge.from} -> ${edge.to} crosses ${node.id}`] : [];
    }),
  );
}

/** Plugins with commands that need some of those that come later, so there is no circle. */
const graphs = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 60 })), { minLength: 1, maxLength: 8 })
  .chain((plugins) => {
    const keys = plugins.flatMap(([commands], plugin) =>
      Array.from({ length: commands }, (_, command) => `p${plugin}:c${command}:default`),
    );
    return fc.array(fc.tuple(fc.nat(keys.length - 1), fc.nat(keys.length - 1)), { maxLength: 25 }).map(
      (needs): Graph => ({
        nodes: [
          ...plugins.map((_, plugin) => ({
            id: `plugin/p${plugin}`,
            kind: "plugin" as const,
            title: `p${plugin}`,
            description: null,
            words: `p${plugin}`,
          })),
          ...keys.map((id, at) => ({
            id,
            kind: at % 4 === 0 ? ("oneshot" as const) : ("managed" as const),
            title: "x".repeat((plugins[0]?.[1] ?? 1) % (at + 2)),
            description: null,
            words: id,
          })),
        ],
        edges: [
          ...keys.map((id) => ({ from: `plugin/${id.split(":")[0]}`, to: id, is: "has" as const })),
          ...[...new Set(needs.flatMap(([a, b]) => (a < b ? [`${keys[a]} ${keys[b]}`] : [])))].map((pair) => ({
            from: pair.split(" ")[0] as string,
            to: pair.split(" ")[1] as string,
            is: "needs" as const,
          })),
        ],
        failures: [],
      }),
    );
  });

describe("the layout", () => {
  test("property: no node lies on another, no edge on a node, every edge is there and begins and ends at its nodes", () => {
    fc.assert(
      fc.property(graphs, (graph) => {
        const layout = placeGraph(graph);
        expect(overlaps(layout)).toEqual([]);
        expect(crossings(layout)).toEqual([]);
        expect(layout.edges).toHaveLength(graph.edges.length);
        const byId = new Map(layout.nodes.map((node) => [node.id, node]));
        for (const { from, to, points } of layout.edges) {
          expect(points[0]?.y).toBe(byId.get(from)?.y as number);
          expect(points.at(-1)?.y).toBe(byId.get(to)?.y as number);
        }
        for (const { x, y, width, height } of layout.nodes)
          expect(
            x - width / 2 >= 0 &&
              y - height / 2 >= 0 &&
              x + width / 2 <= layout.width &&
              y + height / 2 <= layout.height,
          ).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  test("fifty commands in one plugin, and two hundred nodes, are laid out", () => {
    const commands = Object.fromEntries(
      Array.from({ length: 50 }, (_, at) => [`c${at}`, at === 0 ? {} : { needs: { default: [`a:c0`] } }]),
    );
    const layout = placeGraph(buildGraph(listed({ a: commands, b: commands, c: commands, d: commands })));
    expect(layout.nodes).toHaveLength(204);
    expect([overlaps(layout), crossings(layout)]).toEqual([[], []]);
  });
});

test("names are drawn as text whatever they hold, and states as words as well as marks", () => {
  const evil = `"><script>alert(1)</script>&'`;
  const graph: Graph = {
    nodes: [{ id: evil, kind: "managed", title: evil, description: evil, words: evil }],
    edges: [{ from: evil, to: evil, is: "has" }],
    failures: [],
  };
  const row = {
    key: evil,
    state: "failed",
    pid: null,
    startedAt: null,
    restarts: 0,
    ports: [],
    url: null,
    log: "",
    note: null,
    exit: { code: 3, signal: null, at: "", reason: "failed" },
  } satisfies Row;
  const svg = drawGraph(placeGraph(graph), [row]);
  expect(svg).not.toContain("<script");
  expect(svg).toContain(">failed · code 3<");
  expect(svg).toContain('data-state="failed"');
});
