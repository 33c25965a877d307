/** Describes a row in a word or two, for its node. */
import type { Row } from "./types.ts";

export interface Shown {
  /** Selects the colour and the mark. */
  state: string;
  word: string;
}

export function stateOf(row: Row | undefined): Shown {
  if (row === undefined) return { state: "none", word: "never run" };
  const ports = row.ports.length > 0 ? ` · :${row.ports.join(" :")}` : "";
  const { exit } = row;
  const how =
    exit === null
      ? ""
      : exit.signal !== null
        ? ` · ${exit.signal}`
        : exit.code !== null && exit.code !== 0
          ? ` · code ${exit.code}`
          : "";
  return { state: row.state, word: `${row.state}${row.pid === null ? how : ports}` };
}
