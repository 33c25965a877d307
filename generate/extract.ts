/** Extracts the doc comments of the interfaces in manifest/model/types.ts. It parses only the style in which that file is written. */

/** `{ Plugin: { name: "…", cwd: "…" } }`; an interface includes the fields of the one it extends. */
export function extractDescriptions(source: string): Record<string, Record<string, string>> {
  const interfaces: Record<string, Record<string, string>> = {};
  for (const match of source.matchAll(/^export interface (\w+)(?: extends (\w+))? \{\n(.*?)^\}/gms)) {
    const [, name = "", parent, body = ""] = match;
    const fields: Record<string, string> = { ...(parent === undefined ? {} : interfaces[parent]) };
    for (const field of body.matchAll(/^ {2}\/\*\*(.*?)\*\/\n {2}(\w+)[?(:]/gms)) {
      fields[field[2] as string] = sentenceOf(field[1] as string);
    }
    interfaces[name] = fields;
  }
  return interfaces;
}

function sentenceOf(comment: string): string {
  return comment
    .split("\n")
    .map((line) => line.replace(/^\s*\*\s?/, "").trim())
    .filter((line) => line !== "")
    .join(" ");
}
