/** Texts that a pattern cannot match without: looking for them costs next to nothing, and most lines have none of them. */
import type { Node } from "./types.ts";

/** Of more, each would be looked for in every line. */
const MOST_LITERALS = 8;

/** The text that the pattern is; null when it is more than a text. */
export function literalOf(node: Node): string | null {
  if (node.is === "units")
    return node.units.length === 2 && node.units[0] === node.units[1]
      ? String.fromCharCode(node.units[0] as number)
      : null;
  if (node.is !== "sequence") return null;
  const parts = node.parts.map(literalOf);
  return parts.includes(null) ? null : parts.join("");
}

/** One of these is in every text that matches; null when nothing is known. */
export function neededOf(node: Node): readonly string[] | null {
  switch (node.is) {
    case "units": {
      const literal = literalOf(node);
      return literal === null ? null : [literal];
    }
    case "sequence":
      return bestOf([...runsOf(node.parts), ...node.parts.map(neededOf)]);
    case "choice": {
      const each = node.parts.map(neededOf);
      if (each.includes(null)) return null;
      const all = each.flatMap((one) => one ?? []);
      return all.length > MOST_LITERALS ? null : all;
    }
    case "repeat":
      return node.min > 0 ? neededOf(node.body) : null;
    case "group":
      return neededOf(node.body);
    default:
      return null;
  }
}

/** Neighbours that are texts, as one text each. */
function runsOf(parts: readonly Node[]): string[][] {
  const runs: string[][] = [];
  let run = "";
  for (const part of parts) {
    const literal = literalOf(part);
    if (literal !== null) run += literal;
    else if (run !== "") {
      runs.push([run]);
      run = "";
    }
  }
  return run === "" ? runs : [...runs, [run]];
}

/** The longer the shortest of them, the fewer lines have it. */
function bestOf(each: readonly (readonly string[] | null)[]): readonly string[] | null {
  const shortest = (one: readonly string[]) => Math.min(...one.map((text) => text.length));
  return each.reduce(
    (best, one) => (one !== null && (best === null || shortest(one) > shortest(best)) ? one : best),
    null,
  );
}
