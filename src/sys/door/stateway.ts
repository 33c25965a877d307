/**
 * Tells by its text whether a path is dt's state in a project: below `.dialtone`, under one of dt's names. For such a
 * path it gives the way there from the project's folder. Everything else is a directory of the user's own.
 */
import { join } from "node:path";

const STATE_AT = "/.dialtone";

export interface StateWay {
  /** The project's folder. */
  folder: string;
  /** The directory that holds the name. */
  directory: string;
  /** The names that lead from the project's folder to that directory. */
  steps: string[];
}

/**
 * Ways already found, by directory: a launch asks for the same one dozens of times. Null: a directory of the user's
 * own.
 */
const ways = new Map<string, StateWay | null>();
const MOST_WAYS = 64;

export function wayOf(path: string): StateWay | null {
  const directory = path.slice(0, path.lastIndexOf("/"));
  const known = ways.get(directory);
  if (known !== undefined) return known;
  const way = findWay(path, directory);
  // A file directly in `.dialtone` is dt's by its name, not by its directory.
  if (directory.endsWith(STATE_AT)) return way;
  if (ways.size >= MOST_WAYS) ways.clear();
  ways.set(directory, way);
  return way;
}

/** Whether the path is dt's state: in the `.dialtone` of a project's folder. */
export function isProjectState(path: string): boolean {
  return findState(path) >= 0;
}

export function nameIn(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/**
 * Where state begins below a project's folder: at the last `.dialtone` followed by one of dt's names. -1 when no part
 * of the path is state.
 */
function findState(path: string): number {
  for (
    let at = path.lastIndexOf(`${STATE_AT}/`);
    at >= 0;
    at = at === 0 ? -1 : path.lastIndexOf(`${STATE_AT}/`, at - 1)
  ) {
    const from = at + STATE_AT.length + 1;
    const isBelow = (name: string) =>
      path.startsWith(name, from) && ["/", ""].includes(path.charAt(from + name.length));
    // The second is the temporary file of the first.
    const isIgnore = path.startsWith(".gitignore", from) || path.startsWith("..gitignore", from);
    if (isIgnore || isBelow("run") || isBelow("cache")) return at;
  }
  return -1;
}

function findWay(path: string, directory: string): StateWay | null {
  const at = findState(path);
  if (at < 0) return null;
  const folder = path.slice(0, at) || "/";
  const steps = directory
    .slice(at + 1)
    .split("/")
    .filter((step) => step !== "");
  return { folder, directory: join(folder, ...steps), steps };
}
