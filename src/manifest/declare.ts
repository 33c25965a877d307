/**
 * The public API as one file of declarations without an import, docs/dialtone.d.ts: what src/index.ts exports, with all the
 * doc comments. Every declaration begins with `export`, so the text is right as a module and inside `declare module`.
 */

const HEADER = `/**
 * The types of \`@dialtone/dt\`: what a manifest may hold. Made by \`bun run generate\`, a test fails when it is stale.
 *
 * All paths are relative to the project root (the folder that holds \`manifests/\`) unless they are absolute.
 */
`;

/** From the sources of types.ts and define.ts, in the style they are written in. */
export function makeDeclarations(types: string, define: string): string {
  const [, comment, signature] =
    /(\/\*\*[^/]*\*\/\n)export function (definePlugin\(.*?\): \w+) \{/.exec(define.replace(/^\/\*\*.*?\*\/\n/s, "")) ??
    [];
  if (comment === undefined) throw new Error("define.ts has no definePlugin with a doc comment");
  const body = types.replace(/^\/\*\*.*?\*\/\n/s, "");
  return `${HEADER}${body}\n${comment}export function ${signature};\n`;
}
