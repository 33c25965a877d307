/**
 * Makes docs/dialtone.d.ts, the public API as one file of declarations without imports: everything that src/index.ts
 * exports, with its doc comments. Every declaration begins with `export`, so the text is valid both as a module and
 * inside `declare module`.
 */

const HEADER = `/**
 * The types of \`@dialtone/dt\`: what a manifest may hold, and what a plugin's own programs may use. Made by
 * \`bun run generate\`; a test fails when it is stale.
 *
 * All paths in a manifest are relative to the project root (the folder that holds \`manifests/\`) unless they are
 * absolute.
 */
`;

/** The sources that the declarations come from, below src: files of types, and files that export functions. */
export const DECLARED = {
  types: ["manifest/model/types.ts", "plugin/types.ts"],
  functions: ["manifest/model/define.ts", "plugin/serve.ts", "plugin/visible.ts", "plugin/within.ts"],
} as const;

/** Relies on the style of the sources: an exported function has a one-line doc comment and a one-line signature. */
export function makeDeclarations(read: (path: string) => string): string {
  const types = DECLARED.types.map((path) => read(path).replace(/^\/\*\*.*?\*\/\n/s, ""));
  return `${HEADER}${types.join("")}\n${DECLARED.functions.flatMap((path) => declareFunctions(path, read(path))).join("\n")}`;
}

function declareFunctions(path: string, source: string): string[] {
  const found = [...source.matchAll(/(\/\*\* .*? \*\/\n)export function (\w+\(.*?\): [^{\n]+?) \{/g)];
  const exported = source.match(/^export function /gm)?.length ?? 0;
  if (found.length === 0 || found.length !== exported)
    throw new Error(`${path}: ${exported} functions are exported, and ${found.length} have a doc comment on one line`);
  return found.map(([, comment, signature]) => `${comment}export function ${signature};\n`);
}
