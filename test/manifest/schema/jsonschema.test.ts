import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { extractDescriptions } from "../../../generate/extract.ts";
import descriptions from "../../../src/manifest/schema/descriptions.json" with { type: "json" };
import { manifestJsonSchema } from "../../../src/manifest/schema/jsonschema.ts";

const REPOSITORY = join(import.meta.dir, "../../..");
const read = (path: string) => readFileSync(join(REPOSITORY, path), "utf8");
const AGAIN = "stale: run `bun run generate`";

test("the generated files are what would be generated now", () => {
  expect(descriptions as unknown, AGAIN).toEqual(extractDescriptions(read("src/manifest/model/types.ts")));
  expect(JSON.parse(read("docs/manifest.schema.json")), AGAIN).toEqual(
    JSON.parse(JSON.stringify(manifestJsonSchema())),
  );
});

interface Node {
  description?: string;
  properties?: Record<string, Node>;
  additionalProperties?: Node | boolean;
  items?: Node;
  anyOf?: Node[];
  oneOf?: Node[];
}

/** Every field of the schema, with its path. */
function fieldsOf(node: Node, path = ""): [string, Node][] {
  const own = Object.entries(node.properties ?? {}).flatMap(([name, field]): [string, Node][] => [
    [`${path}.${name}`, field],
    ...fieldsOf(field, `${path}.${name}`),
  ]);
  const inner = [node.items, ...(node.anyOf ?? []), ...(node.oneOf ?? [])];
  if (typeof node.additionalProperties === "object") inner.push(node.additionalProperties);
  return [...own, ...inner.flatMap((child) => (child === undefined ? [] : fieldsOf(child, path)))];
}

describe("the schema", () => {
  const schema = manifestJsonSchema() as Node;
  const fields = fieldsOf(schema);

  test("the schema explains every field", () => {
    expect(fields.length).toBeGreaterThan(80);
    expect(fields.filter(([, field]) => !field.description).map(([path]) => path)).toEqual([]);
  });

  test("the schema allows $schema, and no function", () => {
    expect(schema.properties?.$schema).toBeDefined();
    expect(fields.some(([path]) => path.endsWith(".handler"))).toBe(false);
  });

  test("the schema is closed, so an unknown field is an error in the editor too", () => {
    const open = (node: Node, path: string): string[] => [
      ...(node.properties !== undefined && node.additionalProperties !== false ? [path] : []),
      ...fieldsOf(node).flatMap(([name, field]) =>
        field.properties !== undefined && field.additionalProperties !== false ? [name] : [],
      ),
    ];
    expect(open(schema, "")).toEqual([]);
  });
});
