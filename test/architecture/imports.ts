/**
 * What a source file imports, read from its text: imports of values, of types, of side effects, `import()` and
 * `require()`. Bun's own scanner drops imports of types, which count here. Reads the style of this repository.
 */
import { posix } from "node:path";

export interface Source {
  /** From the repository's root, with `/`. */
  path: string;
  text: string;
}

export interface Import {
  /** A path from the repository's root, or the name of a package or built-in. */
  target: string;
  relative: boolean;
  /** `type`: nothing of it is there at run time; `lazy`: loaded when that line runs. */
  how: "static" | "type" | "lazy";
  line: number;
}

const IMPORT =
  /(?<![\w$."])(?:(?:import|export)(?:\s+(?<type>type)(?=[\s{*]))?(?<names>[\s\w$*{},]+?)\bfrom\s*|import\s*(?=")|(?<call>(?:import|require)\s*\(\s*))"(?<target>[^"\n]+)"(?<member>\s*\)\s*\.\s*[A-Z])?/g;

export function importsOf(source: Source): Import[] {
  const code = withoutComments(source.text);
  return [...code.matchAll(IMPORT)].map((match) => {
    const { type, names = "", call, target = "", member } = match.groups ?? {};
    const relative = /^\.\.?(\/|$)/.test(target);
    const onlyTypes = /^\s*\{(\s*type\s+[^,}]+,?)+\s*\}\s*$/.test(names);
    return {
      target: relative ? posix.normalize(posix.join(posix.dirname(source.path), target)) : target,
      relative,
      how: member !== undefined || type !== undefined || onlyTypes ? "type" : call === undefined ? "static" : "lazy",
      line: lineAt(code, match.index),
    };
  });
}

export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}

/**
 * The same text with every comment blanked, so that offsets and lines stay. Strings and regular expressions are stepped
 * over.
 */
export function withoutComments(text: string): string {
  const token =
    /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\[\s\S]|[^`\\])*`|(?<comment>\/\*[\s\S]*?\*\/|\/\/[^\n]*)|(?<=[=(,:?!&|;[{]\s*|\breturn\s+|^\s*)\/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\//gm;
  return text.replace(token, (found, ...rest) => {
    const { comment } = rest.at(-1) as { comment?: string };
    return comment === undefined ? found : found.replace(/[^\n]/g, " ");
  });
}
