/** The section of docs/benchmarks.md beside the peers, as Markdown. Pure: the same results give the same text. */
import { SHAPES } from "./shapes.ts";
import type { Cell, MeasureId, Peer, PeerResult, Results } from "./types.ts";

interface Column {
  id: MeasureId;
  title: string;
}

const TIMES: readonly Column[] = [
  { id: "list1", title: "list, 1" },
  { id: "list20", title: "list, 20" },
  { id: "list200", title: "list, 200" },
  { id: "start", title: "start" },
  { id: "replace", title: "replace" },
  { id: "stop", title: "stop" },
];

const MEMORY: readonly Column[] = [
  { id: "memory1", title: "1 launch" },
  { id: "memory20", title: "20" },
  { id: "memory200", title: "200" },
];

const TRUTH: readonly Column[] = [
  { id: "left", title: `left after a stop, of ${Object.keys(SHAPES).length} shapes` },
  { id: "log", title: "log : `>> file`" },
  { id: "killedStart", title: "all killed, then a start" },
  { id: "killedStop", title: "and then a stop" },
];

const NONE = "–";

export function formatResults(results: Results, peers: readonly Peer[]): string {
  const shown = peers.filter(({ id }) => results.peers[id]?.version);
  const rowsOf = (columns: readonly Column[]) => formatTable(columns, { results, peers: shown });
  return [
    describeRuns(results, peers),
    "### Time, in milliseconds",
    rowsOf(TIMES),
    "### Memory added, in MiB",
    rowsOf(MEMORY),
    "### What is left, what a log costs, what a crash leaves",
    rowsOf(TRUTH),
    survivors(results, shown),
    "### Remarks",
    remarks(shown),
  ].join("\n\n");
}

function describeRuns({ machine, groups, peers: found }: Results, peers: readonly Peer[]): string {
  const versions = peers.flatMap(({ id, measures }) => (measures === null ? [`- ${describePeer(id, found[id])}`] : []));
  const runs = Object.entries(groups).map(
    ([name, { date, load, rounds, helloMs }]) =>
      `- Group \`${name}\`: ${date}, ${rounds === 1 ? "1 round" : `${rounds} rounds`}, load average ${load.toFixed(1)}${helloMs > 0 ? `, hello world ${helloMs} ms` : ""}.`,
  );
  return [`- Machine: ${machine}.`, ...versions, ...runs].join("\n");
}

function describePeer(id: string, found: PeerResult | undefined): string {
  return found?.version
    ? `${id} ${found.version}.`
    : `${id}: absent. It is not installed on this machine; \`bun run bench peers --install\` installs it.`;
}

function formatTable(
  columns: readonly Column[],
  { results, peers }: { results: Results; peers: readonly Peer[] },
): string {
  const cellOf = (peer: Peer, { id }: Column) => results.peers[peer.id]?.cells[id];
  const rows = peers.filter((peer) => columns.some((column) => hasFigure(cellOf(peer, column))));
  const best = columns.map((column) =>
    Math.min(...rows.map((peer) => cellOf(peer, column)).flatMap((cell) => (hasFigure(cell) ? [cell.median] : []))),
  );
  const lines = rows.map((peer) => [
    peer.measures === null ? peer.id : `\`${peer.id}\``,
    ...columns.map((column, at) => formatCell(cellOf(peer, column), { best: best[at], unit: column.id })),
  ]);
  return table([["", ...columns.map(({ title }) => title)], ["---", ...columns.map(() => "---:")], ...lines]);
}

function formatCell(cell: Cell | undefined, { best, unit }: { best: number | undefined; unit: MeasureId }): string {
  if (!hasFigure(cell)) return NONE;
  const figure = `${cell.isLeast ? "over " : ""}${amount(cell.median)}${unit === "log" ? " ×" : ""}`;
  const bold = cell.median === best ? `**${figure}**` : figure;
  const spread = cell.p10 === undefined || cell.p90 === undefined ? "" : ` (${amount(cell.p10)} – ${amount(cell.p90)})`;
  return `${bold}${spread}${cell.ratio === undefined ? "" : `, ${amount(cell.ratio)} ×`}`;
}

export function hasFigure(cell: Cell | undefined): cell is Extract<Cell, { median: number }> {
  return cell !== undefined && "median" in cell;
}

/** As many digits as a reader compares. */
export function amount(value: number): string {
  return value >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toPrecision(value < 1 ? 2 : 3);
}

function survivors({ peers: found }: Results, peers: readonly Peer[]): string {
  const lines = peers.flatMap(({ id }) => {
    const cell = found[id]?.cells.left;
    return hasFigure(cell) && cell.names ? [`- ${id} leaves: ${cell.names}.`] : [];
  });
  return lines.length === 0 ? "Nothing is left by any of them." : lines.join("\n");
}

function remarks(peers: readonly Peer[]): string {
  const lines = peers.flatMap(({ id, notes }) => notes.map((note) => `- ${id}: ${note}`));
  return lines.join("\n");
}

export function table(lines: readonly (readonly string[])[]): string {
  return lines.map((line) => `| ${line.join(" | ")} |`).join("\n");
}
