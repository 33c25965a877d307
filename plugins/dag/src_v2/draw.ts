/** Draws the picture as SVG. The page's script fills in the states; for a snapshot this file does. */
import { stateOf } from "./state.ts";
import type { Layout, PlacedEdge, PlacedNode, Point, Row } from "./types.ts";

export function drawGraph({ width, height, nodes, edges }: Layout, rows: readonly Row[]): string {
  const byKey = new Map(rows.map((row) => [row.key, row]));
  return [
    `<svg class="graph" role="group" aria-label="Plugins, commands and what they need" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7.2" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z"/></marker></defs>',
    `<g class="edges">${edges.map(drawEdge).join("")}</g>`,
    `<g class="nodes">${nodes.map((node) => drawNode(node, byKey.get(node.id))).join("")}</g>`,
    "</svg>",
  ].join("\n");
}

function drawEdge({ from, to, is, points }: PlacedEdge): string {
  const tip = is === "needs" ? ' marker-end="url(#tip)"' : "";
  return `<path class="${is}" data-from="${Bun.escapeHTML(from)}" data-to="${Bun.escapeHTML(to)}" d="${curve(points)}"${tip}/>`;
}

/** A horizontal line between two points at the same height, else a curve that leaves and arrives horizontally. */
function curve([first, ...rest]: readonly Point[]): string {
  if (first === undefined) return "";
  let before = first;
  const parts = rest.map((point) => {
    const [a, b] = [before, point];
    before = point;
    if (Math.abs(a.y - b.y) < 0.5) return `L${at(b)}`;
    const middle = (a.x + b.x) / 2;
    return `C${at({ x: middle, y: a.y })} ${at({ x: middle, y: b.y })} ${at(b)}`;
  });
  return `M${at(first)}${parts.join("")}`;
}

function at({ x, y }: Point): string {
  return `${round(x)} ${round(y)}`;
}

function drawNode(node: PlacedNode, row: Row | undefined): string {
  const { id, kind, title, x, y, width, height } = node;
  const [left, top] = [round(x - width / 2), round(y - height / 2)];
  const state = kind === "managed" ? stateOf(row) : null;
  const label =
    kind === "plugin"
      ? `plugin ${title}`
      : `${node.words}, ${kind === "managed" ? `managed, ${state?.word}` : "one-shot"}`;
  const states = state === null ? "" : ` data-state="${Bun.escapeHTML(state.state)}"`;
  const rows =
    kind === "plugin"
      ? `<text class="title" x="${width / 2}" y="${height / 2 + 5}">${clip(title, width)}</text>`
      : `<text class="title" x="30" y="19">${clip(title, width)}</text>
<text class="word" x="30" y="35">${kind === "managed" ? Bun.escapeHTML(state?.word ?? "") : "one-shot"}</text>
${kind === "managed" ? '<path class="mark" d=""/>' : '<path class="once" d="M12 17.5l6 5.5-6 5.5z"/>'}`;
  return `<g class="node ${kind}" id="${Bun.escapeHTML(`n:${id}`)}" data-key="${Bun.escapeHTML(id)}"${states} transform="translate(${left} ${top})" tabindex="0" role="button" aria-label="${Bun.escapeHTML(label)}">
<rect width="${width}" height="${height}" rx="${kind === "plugin" ? height / 2 : 8}"/>
${rows}
</g>`;
}

/** Cuts a title to the width of its node; the panel and screen readers get the full title. */
function clip(title: string, width: number): string {
  const most = Math.floor((width - 46) / 8.2);
  return Bun.escapeHTML(title.length > most ? `${title.slice(0, most - 1)}…` : title);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
