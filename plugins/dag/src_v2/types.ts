/** The data about the project, and the parts of the graph. No code in this file. */

/** The parts of `dt list --json` that are used. */
export interface ListedCommand {
  name: string;
  kind: "oneshot" | "managed";
  description: string | null;
  variants: string[];
  needs?: Record<string, string[]>;
}

export interface Listed {
  /** `name` null: a manifest that was not read. */
  plugins: {
    name: string | null;
    description: string | null;
    file: string;
    origin: string;
    commands: ListedCommand[];
  }[];
  failures: { file: string; message: string; hint: string | null; plugin: string | null }[];
}

/** The parts of a row of `dt ps --all --json` that are used. */
export interface Row {
  key: string;
  state: string;
  pid: number | null;
  startedAt: string | null;
  restarts: number;
  ports: number[];
  url: string | null;
  log: string;
  note: string | null;
  exit: { code: number | null; signal: string | null; at: string; reason: string } | null;
}

export interface GraphNode {
  /** A key, or `plugin/<name>`. */
  id: string;
  kind: "plugin" | "managed" | "oneshot";
  title: string;
  description: string | null;
  /** The words after `dt`; for a plugin, its name. */
  words: string;
}

export interface GraphEdge {
  from: string;
  to: string;
  /** `has`: from a plugin to its command; `needs`: from a command to one that starts first. */
  is: "has" | "needs";
}

export interface Graph {
  nodes: GraphNode[];
  edges: GraphEdge[];
  failures: Listed["failures"];
}

export interface Point {
  x: number;
  y: number;
}

export interface PlacedNode extends GraphNode {
  /** The center. */
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface PlacedEdge extends GraphEdge {
  points: Point[];
}

export interface Layout {
  width: number;
  height: number;
  nodes: PlacedNode[];
  edges: PlacedEdge[];
}
