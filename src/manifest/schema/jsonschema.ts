/**
 * The JSON Schema of a manifest, for editors of JSON, YAML and TOML: converted from the schema that validates, with the
 * doc comments of manifest/model/types.ts. Those formats cannot hold functions, so `handler` is not in it.
 */
import { toJsonSchema } from "@valibot/to-json-schema";
import written from "./descriptions.json" with { type: "json" };
import { ALIVE_KINDS, PROBE_KINDS } from "./probe.ts";
import { pluginSchema } from "./schema.ts";

interface Node {
  description?: string;
  properties?: Record<string, Node>;
  additionalProperties?: Node | boolean;
  items?: Node;
  anyOf?: Node[];
  oneOf?: object[];
  required?: string[];
  [keyword: string]: unknown;
}

/** Fields that hold an object with a type of its own in manifest/model/types.ts. */
const TYPE_OF_FIELD: Record<string, string> = {
  ready: "Probe",
  alive: "AliveProbe",
  restart: "RestartOptions",
  limit: "RestartLimit",
  restartOn: "RestartOn",
  logs: "LogOptions",
  stop: "StopOptions",
  watch: "Watch",
  needs: "Need",
  compose: "ComposeOptions",
  toggles: "Toggle",
  daemon: "DaemonOptions",
};

export function manifestJsonSchema(): object {
  const schema = toJsonSchema(pluginSchema, {
    target: "draft-2020-12",
    errorMode: "ignore",
    typeMode: "input",
  }) as Node;
  describeFields(schema, "Plugin");
  const commands = inside(schema.properties?.commands).oneOf as Node[];
  for (const command of commands) {
    const oneshot = command.properties?.kind?.const === "oneshot";
    describeFields(command, oneshot ? "OneshotCommand" : "ManagedCommand");
    describeFields(inside(command.properties?.variants), oneshot ? "OneshotCommand" : "ManagedCommand");
    if (command.properties !== undefined) delete command.properties.handler;
  }
  schema.title = "Manifest of dt";
  schema.properties = {
    $schema: { type: "string", description: "The JSON Schema that an editor checks this file against." },
    ...schema.properties,
  };
  return schema;
}

/** The schema of the values in a map by name. */
function inside(map: Node | undefined): Node {
  return map?.additionalProperties as Node;
}

function describeFields(node: Node, type: string): void {
  const sentences: Record<string, string> = (written as Record<string, Record<string, string>>)[type] ?? {};
  for (const [name, field] of Object.entries(node.properties ?? {})) {
    if (sentences[name] !== undefined) field.description = sentences[name];
    const inner = TYPE_OF_FIELD[name];
    if (inner !== undefined) for (const object of objectsIn(field)) describeFields(object, inner);
  }
  const kinds = type === "Probe" ? PROBE_KINDS : type === "AliveProbe" ? ALIVE_KINDS : null;
  if (kinds !== null) node.oneOf = kinds.map((kind) => ({ required: [kind] }));
}

/** The object itself, or those in its list or union. */
function objectsIn(node: Node): Node[] {
  if (node.properties !== undefined) return [node];
  if (typeof node.additionalProperties === "object") return objectsIn(node.additionalProperties);
  return [...(node.anyOf ?? []), ...(node.items === undefined ? [] : [node.items])].flatMap(objectsIn);
}
