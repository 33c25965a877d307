/**
 * A terminal's screen, as text with escape sequences (`tmux capture-pane -e -p`), drawn as an SVG that needs no font
 * but a monospaced one.
 */

const CELL = { width: 8.4, height: 20, size: 14 };
const MARGIN = { side: 20, top: 52, bottom: 20 };
const BACKGROUND = "#11151c";
const FOREGROUND = "#d5dbe6";
/** ANSI colours 0 to 7, then the bright ones. */
const COLORS = [
  ...["#3a4150", "#f2777a", "#8fd18a", "#e8c56d", "#7aa7f0", "#c792ea", "#6fd3d6", "#d5dbe6"],
  ...["#7d8799", "#ff9a9c", "#b1e8ac", "#f7dc92", "#a3c4ff", "#dfb4ff", "#96ecee", "#ffffff"],
];

interface Style {
  color: string;
  bold: boolean;
  dim: boolean;
}

interface Run extends Style {
  column: number;
  text: string;
}

const PLAIN: Style = { color: FOREGROUND, bold: false, dim: false };

/** Columns is the terminal's width; the height is that of the text. */
export function drawTerminal(screen: string, columns: number, title: string): string {
  const lines = screen.replace(/\s+$/, "").split("\n");
  const width = Math.ceil(columns * CELL.width + 2 * MARGIN.side);
  const height = MARGIN.top + lines.length * CELL.height + MARGIN.bottom;
  let style = PLAIN;
  const rows = lines.map((line, row) => {
    const read = readRuns(line, style);
    style = read.style;
    return read.runs.map((run) => drawRun(run, MARGIN.top + row * CELL.height + CELL.size)).join("");
  });
  const lights = ["#f2777a", "#e8c56d", "#8fd18a"].map(
    (fill, index) => `<circle cx="${MARGIN.side + 6 + 20 * index}" cy="24" r="6" fill="${fill}"/>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escapeXml(title)}</title>`,
    `<rect width="${width}" height="${height}" rx="10" fill="${BACKGROUND}"/>`,
    lights.join(""),
    `<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="${CELL.size}">`,
    ...rows.filter((row) => row !== ""),
    "</g>",
    "</svg>\n",
  ].join("\n");
}

/** Each run is stretched to its cells, so that columns stay columns in any font. */
function drawRun({ column, text, color, bold, dim }: Run, y: number): string {
  const x = (MARGIN.side + column * CELL.width).toFixed(1);
  const length = ([...text].length * CELL.width).toFixed(1);
  const style = `${bold ? ' font-weight="bold"' : ""}${dim ? ' opacity="0.6"' : ""}`;
  return `<text x="${x}" y="${y}" textLength="${length}" lengthAdjust="spacingAndGlyphs" fill="${color}"${style}>${escapeXml(text)}</text>`;
}

function readRuns(line: string, before: Style): { runs: Run[]; style: Style } {
  let style = before;
  let column = 0;
  const runs: Run[] = [];
  for (const [, codes, text] of line.matchAll(/\x1b\[([\d;]*)m|([^\x1b]+)/g)) {
    if (text === undefined) style = applyCodes(style, codes ?? "");
    else {
      // Renderers differ about spaces in a row: each stretch without them gets its own place.
      for (const { 0: words, index } of text.matchAll(/\S+(?: \S+)*/g)) {
        runs.push({ ...style, column: column + [...text.slice(0, index)].length, text: words });
      }
      column += [...text].length;
    }
  }
  return { runs, style };
}

function applyCodes(style: Style, codes: string): Style {
  let now = style;
  for (const code of codes === "" ? [0] : codes.split(";").map(Number)) {
    if (code === 0) now = PLAIN;
    else if (code === 1) now = { ...now, bold: true };
    else if (code === 2) now = { ...now, dim: true };
    else if (code === 22) now = { ...now, bold: false, dim: false };
    else if (code === 39) now = { ...now, color: FOREGROUND };
    else if (code >= 30 && code <= 37) now = { ...now, color: COLORS[code - 30] as string };
    else if (code >= 90 && code <= 97) now = { ...now, color: COLORS[code - 82] as string };
  }
  return now;
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
