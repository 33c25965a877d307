/**
 * How large things are: a folder up to 14 files, a file up to 220 lines, a top-level function up to 60. Each exception stands here with what it may have
 * at most and why, so that none grows unseen; one that is no longer needed is reported too.
 */
import { posix } from "node:path";
import type { Source } from "./imports.ts";

export const MOST = { files: 14, lines: 220, function: 60 } as const;

export interface Exceptions {
  folders: Readonly<Record<string, readonly [most: number, why: string]>>;
  files: Readonly<Record<string, readonly [most: number, why: string]>>;
  /** By `<file> <name>`. */
  functions: Readonly<Record<string, readonly [most: number, why: string]>>;
}

const LIST = "a list, read from top to bottom";
const TABLE = "one table and the code that it governs";
const STATE = "methods over one state, each of them short";

export const EXCEPTIONS: Exceptions = {
  folders: {
    "src/commands/verbs": [25, "one file a verb"],
    "src/logs": [17, "one idea a file, and each is used by most others"],
    "src/sys/base": [15, "what everything else stands on"],
  },
  files: {
    "src/manifest/model/types.ts": [433, "the documentation of a manifest, read from top to bottom"],
    "src/manifest/schema/schema.ts": [302, LIST],
    "src/state/store.ts": [232, "one function a file that state has"],
    "src/state/types.ts": [232, LIST],
    "src/supervisor/prepare/shelltext.ts": [378, "a small grammar in one piece"],
    "src/supervisor/tree/tree.ts": [306, TABLE],
    "src/sys/lock/lock.ts": [472, TABLE],
  },
  functions: {
    "src/logs/modes.ts makeModes": [65, STATE],
    "src/plugin/way.ts makeWay": [65, STATE],
    "src/runners/terminal/person.ts openPerson": [77, STATE],
    "src/runners/terminal/screen.ts makeScreen": [75, STATE],
    "src/state/store.ts openStore": [107, "one short function a file that state has"],
    "src/supervisor/tree/whereabouts.ts makeWhereabouts": [61, STATE],
    "src/supervisor/watch/rounds.ts makeRounds": [76, STATE],
    "src/sys/net/httpanswer.ts makeAnswerReader": [86, STATE],
    "src/sys/pattern/automaton.ts makeAutomaton": [95, STATE],
    "src/sys/pattern/backtrack.ts matcherOf": [75, STATE],
    "src/sys/pattern/parse.ts parsePattern": [137, "a recursive descent: one short function a rule of the grammar"],
    "src/sys/process/linux.ts makeProcessTable": [76, STATE],
    "src/sys/match/gitrules.ts makeGitRules": [62, STATE],
    "src/sys/match/match.ts makeMatcher": [75, STATE],
  },
};

export function checkSizes(sources: readonly Source[], exceptions: Exceptions = EXCEPTIONS): string[] {
  const inFolder = new Map<string, number>();
  for (const { path } of sources) inFolder.set(posix.dirname(path), (inFolder.get(posix.dirname(path)) ?? 0) + 1);
  const functions = sources.flatMap(functionsOf);
  return [
    ...judge("files", [...inFolder], MOST.files, exceptions.folders),
    ...judge(
      "lines",
      sources.map(({ path, text }) => [path, linesOf(text).length]),
      MOST.lines,
      exceptions.files,
    ),
    ...judge("lines", functions, MOST.function, exceptions.functions),
  ];
}

function judge(
  unit: string,
  found: readonly (readonly [name: string, size: number])[],
  most: number,
  exceptions: Exceptions["files"],
): string[] {
  const sizes = new Map(found);
  const tooLarge = found.flatMap(([name, size]) => {
    const allowed = exceptions[name]?.[0] ?? most;
    return size > allowed ? [`${name} has ${size} ${unit}, at most ${allowed}`] : [];
  });
  const needless = Object.keys(exceptions).flatMap((name) =>
    (sizes.get(name) ?? 0) > most ? [] : [`${name} needs no exception`],
  );
  return [...tooLarge, ...needless];
}

function linesOf(text: string): string[] {
  return text.replace(/\n$/, "").split("\n");
}

/** Formatted code ends a top-level function with a `}` at the beginning of a line. */
function functionsOf({ path, text }: Source): [name: string, size: number][] {
  const lines = linesOf(text);
  return lines.flatMap((line, at): [string, number][] => {
    const name = /^(?:export )?(?:async )?function\*? ?(\w+)/.exec(line)?.[1];
    return name === undefined ? [] : [[`${path} ${name}`, lines.indexOf("}", at) - at + 1]];
  });
}
