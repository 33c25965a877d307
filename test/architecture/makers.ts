/** What is made in one place, so that its rules stand there: a literal of it anywhere else is reported. */
import { lineAt, type Source, withoutComments } from "./imports.ts";

interface Maker {
  what: string;
  /** What a literal of it cannot do without, and nothing else has. */
  sign: RegExp;
  homes: readonly string[];
  /** Where it is looked for. Default: everywhere. */
  within?: RegExp;
}

export const MAKERS: readonly Maker[] = [
  { what: "a tree query", sign: /\bleader: null,\s*host: null/g, homes: ["src/supervisor/tree/query.ts"] },
  {
    what: "a launch spec",
    sign: /: LaunchSpec = \{(?!\s*\.\.\.)|\bargs: \[\],\s+readyTimeoutMs/g,
    homes: ["src/supervisor/launch/spec.ts"],
  },
  {
    what: "a task spec",
    sign: /: TaskSpec = \{(?!\s*\.\.\.)|\bfile(?:: [\w.]+)?, (?:settings|force)\b(?![^\n]*\} = )/g,
    homes: ["src/supervisor/oneshot/taskspec.ts"],
  },
  { what: "an exit record", sign: /: ExitRecord = \{(?!\s*\.\.\.)/g, homes: ["src/supervisor/launch/exit.ts"] },
  { what: "the path of a key's lock", sign: /, "lock"\)/g, homes: ["src/supervisor/launch/lock.ts"] },
  {
    what: "a command line of dt",
    sign: /"(?:-C|--(?:no-)?capture)"|\bFLAG\.(?:directory|root)\b|[[?:,]\s*FLAG\.(?:noC|c)apture\b/g,
    homes: ["src/supervisor/launch/selfargv.ts"],
    within: /^src\/(?:supervisor|runners|jobs|daemon)\//,
  },
  {
    what: "a ground",
    sign: /: Ground = \{(?!\s*\.\.\.)|\bself(?:: [^\n]*)?,\s+openFiles(?!: lazy|: \(\))|\bget openFiles\(/g,
    homes: ["src/supervisor/launch/ground.ts"],
  },
];

/** Also reports a home that makes none. */
export function checkMakers(sources: readonly Source[], makers: readonly Maker[] = MAKERS): string[] {
  const codes = sources.map(({ path, text }) => ({ path, code: withoutComments(text) }));
  return makers.flatMap(({ what, sign, homes, within }) => {
    const found = codes
      .filter(({ path }) => within?.test(path) ?? true)
      .flatMap(({ path, code }) => [...code.matchAll(sign)].map(({ index }) => ({ path, line: lineAt(code, index) })));
    return [
      ...found.flatMap(({ path, line }) =>
        homes.includes(path) ? [] : [`${path}:${line} makes ${what}: ${homes.join(" or ")} does`],
      ),
      ...homes.flatMap((home) => (found.some(({ path }) => path === home) ? [] : [`${home} does not make ${what}`])),
    ];
  });
}
