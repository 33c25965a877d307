/** Doc comments of the interfaces in manifest/model/types.ts, by interface and field. Reads exactly the style that file is written in. */

/** `{ Plugin: { name: "…", cwd: "…" } }`; fields of what an interface extends are part of it. */
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
