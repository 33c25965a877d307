/**
 * How large things are: a folder up to 14 files, a file up to 220 lines, a top-level function up to 60, and two
 * parameters: what the function works on, and one object of all the rest. Each exception stands here with what it may
 * have at most and why, so that none grows unseen; one that is no longer needed is reported too.
 */
import { posix } from "node:path";
import type { Source } from "./imports.ts";

export const MOST = { files: 14, lines: 220, function: 60, parameters: 2 } as const;

export interface Exceptions {
  folders: Readonly<Record<string, readonly [most: number, why: string]>>;
  files: Readonly<Record<string, readonly [most: number, why: string]>>;
  /** By `<file> <name>`. */
  functions: Readonly<Record<string, readonly [most: number, why: string]>>;
  /** By `<file> <name>`. */
  parameters: Readonly<Record<string, readonly [most: number, why: string]>>;
}

const LIST = "a list, read from top to bottom";
const TABLE = "one table and the code that it governs";
const STATE = "methods over one state, each of them short";
const SYSTEM_CALL = "the parameters of the system call, in its order";
const INNERMOST = "called for each character or byte: an object a call would cost more than the work";
const SWITCH = "a path and what is done there, as in node:fs; the third stands for the platform in tests";

export const EXCEPTIONS: Exceptions = {
  folders: {
    "src/commands/verbs": [40, "one file a verb"],
    "src/logs": [17, "one idea a file, and each is used by most others"],
    "src/sys/base": [15, "what everything else stands on"],
    "src/sys/process": [15, "one guarantee a file, some of them once for each system"],
  },
  files: {
    "src/manifest/model/types.ts": [433, "the documentation of a manifest, read from top to bottom"],
    "src/manifest/schema/schema.ts": [303, LIST],
    "src/state/store.ts": [259, "one function a file that state has"],
    "src/state/types.ts": [236, LIST],
    "src/supervisor/prepare/shelltext.ts": [379, "a small grammar in one piece"],
    "src/sys/lock/lock.ts": [499, TABLE],
  },
  functions: {
    "src/logs/modes.ts makeModes": [65, STATE],
    "src/plugin/way.ts makeWay": [68, STATE],
    "src/runners/terminal/person.ts openPerson": [77, STATE],
    "src/runners/terminal/screen.ts makeScreen": [75, STATE],
    "src/state/store.ts openStore": [124, "one short function a file that state has"],
    "src/supervisor/tree/whereabouts.ts makeWhereabouts": [61, STATE],
    "src/supervisor/watch/rounds.ts makeRounds": [76, STATE],
    "src/sys/net/httpanswer.ts makeAnswerReader": [86, STATE],
    "src/sys/pattern/automaton.ts makeAutomaton": [95, STATE],
    "src/sys/pattern/backtrack.ts matcherOf": [75, STATE],
    "src/sys/pattern/parse.ts parsePattern": [140, "a recursive descent: one short function a rule of the grammar"],
    "src/sys/process/linux.ts makeProcessTable": [80, STATE],
    "src/sys/match/gitrules.ts makeGitRules": [65, STATE],
    "src/sys/match/match.ts makeMatcher": [78, STATE],
  },
  parameters: {
    "src/logs/strip.ts isRendition": [3, INNERMOST],
    "src/manifest/witness/wrap.ts put": [3, "an object, a name and a value, as in Reflect.set"],
    "src/manifest/witness/wrap.ts putGetter": [4, "an object, a name and its getter, as in Reflect.defineProperty"],
    "src/sys/door/descend.ts descend": [3, SWITCH],
    "src/sys/door/descend.ts descendInto": [3, SWITCH],
    "src/sys/door/descend.ts openThere": [3, SWITCH],
    "src/sys/lock/hold.ts fcntl": [3, SYSTEM_CALL],
    "src/sys/pattern/automaton.ts extend": [3, INNERMOST],
    "src/sys/pattern/automaton.ts follow": [3, INNERMOST],
    "src/sys/pattern/program.ts holds": [3, INNERMOST],
    "src/sys/process/libproc.darwin.ts descriptorInfo": [4, SYSTEM_CALL],
    "src/sys/process/libproc.darwin.ts killVersion": [3, SYSTEM_CALL],
    "src/sys/process/libproc.darwin.ts pidInfo": [4, SYSTEM_CALL],
    "src/sys/process/libproc.darwin.ts pidInfoList": [3, SYSTEM_CALL],
    "src/sys/spawn/exec.ts execve": [3, SYSTEM_CALL],
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
    ...judge("parameters", sources.flatMap(parametersOf), MOST.parameters, exceptions.parameters),
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

/** Of each declared function, at whatever depth. What a comma separates within brackets is one parameter. */
function parametersOf({ path, text }: Source): [name: string, count: number][] {
  return [...text.matchAll(/^ *(?:export )?(?:async )?function\*? ?(\w+)/gm)].map(({ 0: head, 1: name, index }) => [
    `${path} ${name}`,
    countBetween(text, index + head.length),
  ]);
}

function countBetween(text: string, from: number): number {
  // Type parameters come before the parenthesis, and may contain one.
  let at = from;
  for (let angles = 0; at < text.length && (angles > 0 || text[at] !== "("); at++) {
    if (text[at] === "<") angles++;
    else if (text[at] === ">" && text[at - 1] !== "=") angles--;
  }
  let count = 0;
  let isBegun = false;
  for (let depth = 0; at < text.length; at++) {
    const unit = text[at] as string;
    if ("([{<".includes(unit)) depth++;
    else if (")]}".includes(unit) || (unit === ">" && text[at - 1] !== "=")) depth--;
    if (depth === 0) break;
    if (depth === 1 && unit === ",") isBegun = false;
    else if (!isBegun && !/[\s(]/.test(unit)) {
      isBegun = true;
      count++;
    }
  }
  return count;
}
