/** The words of the comparison with other tools: what a peer is, where it works, and what is measured of it. */

/** What a peer is to run, under this name. */
export interface Command {
  name: string;
  /** An absolute path, and its arguments; none of them needs quoting in a shell. */
  argv: readonly [string, ...string[]];
}

/** Where a peer works: a temporary directory, which is also its home, and what it is to run there. */
export interface Place {
  dir: string;
  /** A TCP port that was free a moment ago, for a peer that needs one. */
  port: number;
  commands: readonly Command[];
}

/** A command line; the first word is the name of a program. */
export type Words = readonly [string, ...string[]];

/** One tool, as data: what its configuration is, and what a person types. All are run in the place's directory. */
export interface Peer {
  id: string;
  /** What has to be on PATH. */
  needs: readonly string[];
  /** Prints the version. */
  version: Words;
  /** The most launches that make sense; rows with more stay empty. */
  most: number;
  /** What distinguishes this configuration from the defaults, or a cell from the others: sentences for the page. */
  notes: readonly string[];
  /** Added to the environment. */
  env?(place: Place): Record<string, string>;
  /** By path. A text that begins with `#!` becomes executable. */
  files(place: Place): Record<string, string>;
  /** Makes the tool ready to start something; runs again after everything of the tool was killed. */
  up(place: Place): readonly Words[];
  /** For start, replace and stop: what makes the process run that starts for it, where the tool needs none. */
  beside?: Words;
  list: Words | null;
  start(place: Place, name: string): Words;
  /** From the second start of a name on, where that is another command. */
  startAgain?(place: Place, name: string): Words;
  /** Where the tool starts only with everything in it: after it was ended, and these files removed, this is its start. */
  startWhole?: { words: Words; remove: readonly string[] };
  restart: ((place: Place, name: string) => Words) | null;
  stop(place: Place, name: string): Words;
  /** One call that starts all of them: used instead of one start after another. */
  startAll?: Words;
  /** Null: everything. */
  measures: readonly MeasureId[] | null;
  /** Programs that belong to the user, not to the tool: a terminal. */
  foreign?: readonly string[];
}

export type MeasureId =
  | "list1"
  | "list20"
  | "list200"
  | "start"
  | "replace"
  | "stop"
  | "memory1"
  | "memory20"
  | "memory200"
  | "log"
  | "left"
  | "killedStart"
  | "killedStop";

/** A figure, or why there is none. `isLeast`: the true one is larger. */
export type Cell =
  | { median: number; p10?: number; p90?: number; ratio?: number; names?: string; isLeast?: boolean }
  | { none: string };

export interface PeerResult {
  /** Null where it is not installed. */
  version: string | null;
  cells: Partial<Record<MeasureId, Cell>>;
}

/** What a run found; kept as JSON, so that table and picture can be made again from the same numbers. */
export interface Results {
  machine: string;
  /** By group: when it ran, and the machine's load average then. */
  groups: Record<string, { date: string; load: number; rounds: number; helloMs: number }>;
  peers: Record<string, PeerResult>;
}
