/** What is known of the project, as the graph's parts. No code in this file. */

/** What `dt list --json` tells, as far as it is used. */
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

/** A row of `dt ps --all --json`, as far as it is used. */
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
  /** The words after `dt`; of a plugin its name. */
  words: string;
}

export interface GraphEdge {
  from: string;
  to: string;
  /** `has`: a plugin and its command; `needs`: a command and what is started first. */
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
  /** Of its middle. */
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
