/**
 * The picture for the README: a dot for each peer in five columns, on logarithmic scales. It has its own background in
 * light and dark, and needs no font but the reader's.
 */
import { amount, hasFigure } from "./table.ts";
import type { Cell, MeasureId, Peer, Results } from "./types.ts";

const PANELS: readonly { id: MeasureId; title: string; unit: string }[] = [
  { id: "start", title: "Start", unit: "ms" },
  { id: "replace", title: "Replace", unit: "ms" },
  { id: "stop", title: "Stop", unit: "ms" },
  { id: "list20", title: "List 20", unit: "ms" },
  { id: "memory20", title: "Memory for 20", unit: "MiB" },
];

const SIZE = { label: 132, panel: 142, gap: 8, row: 26, top: 62, bottom: 44, side: 16 } as const;
/** Within a panel: room for the figure, which stands to the right of its dot, or to the left of one far right. */
const INSET = { left: 10, right: 12 } as const;
const TEXT_WIDTH = 40;

const STYLE = `
.halo{stroke:#fff;stroke-width:4px;paint-order:stroke}.halo.ours{stroke:#eef4fc}.back{fill:#fff}.line{stroke:#d8dee6}.floor{stroke:#8a94a3;stroke-dasharray:3 3}text{fill:#3b4654}.title{fill:#1b2430;font-weight:600}
.small{fill:#5d6877}.peer{fill:#8a94a3}.spread{stroke:#8a94a3}.ours{fill:#0b62d6;font-weight:600}.oursspread{stroke:#0b62d6}.band{fill:#eef4fc}
@media (prefers-color-scheme:dark){.halo{stroke:#11151c}.halo.ours{stroke:#1a2331}.back{fill:#11151c}.line{stroke:#2b3340}.floor{stroke:#7d8799}text{fill:#c3cbd8}.title{fill:#eef2f8}
.small{fill:#97a2b3}.peer{fill:#7d8799}.spread{stroke:#7d8799}.ours{fill:#7aa7f0}.oursspread{stroke:#7aa7f0}.band{fill:#1a2331}}
`.trim();

interface Row {
  id: string;
  cells: Partial<Record<MeasureId, Cell>>;
}

export function drawPicture(results: Results, peers: readonly Peer[]): string {
  const rows = peers.flatMap(({ id, measures }): Row[] => {
    const found = results.peers[id];
    return found?.version && measures === null ? [{ id, cells: found.cells }] : [];
  });
  const width = 2 * SIZE.side + SIZE.label + PANELS.length * (SIZE.panel + SIZE.gap) - SIZE.gap;
  const height = SIZE.top + rows.length * SIZE.row + SIZE.bottom;
  const floors: Partial<Record<MeasureId, number | undefined>> = { list20: results.groups.list?.helloMs };
  for (const id of ["start", "replace", "stop"] as const) floors[id] = results.groups.life?.helloMs;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" font-family="system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif" font-size="12">`,
    `<title>${escapeXml(describe(rows))}</title>`,
    `<style>${STYLE}</style>`,
    `<rect class="back" width="${width}" height="${height}" rx="10"/>`,
    ...rows.map((row, at) => drawLabel(row, { at, width })),
    ...PANELS.map((panel, at) =>
      drawPanel(rows, {
        ...panel,
        left: SIZE.side + SIZE.label + at * (SIZE.panel + SIZE.gap),
        floor: floors[panel.id],
      }),
    ),
    `<text class="small" x="${SIZE.side}" y="${height - 16}" font-size="11">Less is better; logarithmic scales. The bar is the range from the 10th to the 90th percentile. Dashed: a compiled hello world.</text>`,
    "</svg>\n",
  ].join("\n");
}

function drawLabel({ id }: Row, { at, width }: { at: number; width: number }): string {
  const y = SIZE.top + at * SIZE.row;
  const isOurs = id === "dt";
  const band = isOurs ? `<rect class="band" x="8" y="${y}" width="${width - 16}" height="${SIZE.row}" rx="5"/>` : "";
  return `${band}<text ${isOurs ? 'class="ours" ' : ""} x="${SIZE.side}" y="${y + 17}">${escapeXml(id)}</text>`;
}

interface Panel {
  id: MeasureId;
  title: string;
  unit: string;
  left: number;
  /** What the compiled hello world took. */
  floor: number | undefined;
}

function drawPanel(rows: readonly Row[], { id, title, unit, left, floor }: Panel): string {
  const figures = rows.flatMap(({ cells }) => (hasFigure(cells[id]) ? [cells[id]] : []));
  const all = [
    ...figures.flatMap(({ median, p10, p90 }) => [median, p10 ?? median, p90 ?? median]),
    floor ?? [],
  ].flat();
  const scale = makeScale(all, left);
  const bottom = SIZE.top + rows.length * SIZE.row;
  const head = `<text class="title" x="${left}" y="32">${escapeXml(title)}<tspan class="small" font-weight="400"> ${unit}</tspan></text>`;
  const axis = `<line class="line" x1="${left}" x2="${left + SIZE.panel}" y1="${SIZE.top - 6}" y2="${SIZE.top - 6}"/>`;
  const dashed =
    floor === undefined || floor <= 0
      ? ""
      : `<line class="floor" x1="${scale(floor)}" x2="${scale(floor)}" y1="${SIZE.top - 6}" y2="${bottom}"/>`;
  const dots = rows.map((row, at) => drawDot(row, { id, scale, y: SIZE.top + at * SIZE.row + 13, left }));
  return [head, axis, dashed, ...dots].join("");
}

function drawDot(
  row: Row,
  { id, scale, y, left }: { id: MeasureId; scale(value: number): number; y: number; left: number },
) {
  const cell = row.cells[id];
  if (!hasFigure(cell)) return `<text class="small halo" x="${left + INSET.left - 3}" y="${y + 4}">–</text>`;
  const ours = row.id === "dt";
  const [x, from, to] = [cell.median, cell.p10 ?? cell.median, cell.p90 ?? cell.median].map(scale) as [
    number,
    number,
    number,
  ];
  const spread = `<line class="${ours ? "oursspread" : "spread"}" stroke-width="3" x1="${from}" x2="${to}" y1="${y}" y2="${y}" opacity="0.5"/>`;
  const dot = `<circle class="${ours ? "ours" : "peer"}" cx="${x}" cy="${y}" r="4.5"/>`;
  const fits = Math.max(x, to) + TEXT_WIDTH <= left + SIZE.panel;
  const place = fits ? `x="${Math.max(x + 9, to + 5)}"` : `x="${Math.min(x - 9, from - 5)}" text-anchor="end"`;
  return `${spread}${dot}<text class="halo${ours ? " ours" : ""}" ${place} y="${y + 4}">${amount(cell.median)}</text>`;
}

/** From a value to its place in the panel that begins at `left`. */
function makeScale(values: readonly number[], left: number): (value: number) => number {
  const [least, most] = [Math.log(Math.min(...values)), Math.log(Math.max(...values))];
  const width = SIZE.panel - INSET.left - INSET.right;
  return (value) =>
    Math.round((left + INSET.left + (width * (Math.log(value) - least)) / (most - least || 1)) * 10) / 10;
}

function describe(rows: readonly Row[]): string {
  const figures = PANELS.map(({ id, title, unit }) => {
    const each = rows.flatMap(({ id: peer, cells }) =>
      hasFigure(cells[id]) ? [`${peer} ${amount(cells[id].median)}`] : [],
    );
    return `${title} in ${unit}: ${each.join(", ")}`;
  });
  return figures.join(". ");
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
