/** Every match contains one of these texts: searching for them costs next to nothing, and most lines contain none. */
import type { Node } from "./types.ts";

/** At most this many: every line would be searched for each of them. */
const MOST_LITERALS = 8;

/** The text of a pattern that is plain text; null when it is more than that. */
export function literalOf(node: Node): string | null {
  if (node.is === "units")
    return node.units.length === 2 && node.units[0] === node.units[1]
      ? String.fromCharCode(node.units[0] as number)
      : null;
  if (node.is !== "sequence") return null;
  const parts = node.parts.map(literalOf);
  return parts.includes(null) ? null : parts.join("");
}

/** Every text that matches contains one of these; null when nothing is known. */
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

/** Neighbours that are plain texts, each run joined to one text. */
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

/** The set whose shortest text is longest: the fewest lines contain one of its texts. */
function bestOf(each: readonly (readonly string[] | null)[]): readonly string[] | null {
  const shortest = (one: readonly string[]) => Math.min(...one.map((text) => text.length));
  return each.reduce(
    (best, one) => (one !== null && (best === null || shortest(one) > shortest(best)) ? one : best),
    null,
  );
}
