/**
 * Renders stack.yaml as a Compose file. Pure. Services and their fields are sorted by name, in whatever order they were
 * written.
 */
import { YAML } from "bun";

const HEADER = "# Written by `dt stack render` from plugins/stack/stack.yaml. Edit that file instead.\n";

type Fields = Record<string, unknown>;

/** Throws an Error whose message is a sentence when the stack is not valid. */
export function renderStack(source: string): string {
  const stack = YAML.parse(source) as unknown;
  if (!isFields(stack)) throw new Error("expected an object with `services`");
  const { defaults = {}, services, ...rest } = stack;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined)
    throw new Error(`\`${unknown}\` is not a field of a stack; known: \`defaults\`, \`services\``);
  if (!isFields(defaults)) throw new Error("`defaults` must be an object of fields");
  if (!isFields(services) || Object.keys(services).length === 0)
    throw new Error("`services` must name at least one service");
  const made: Fields = {};
  for (const name of Object.keys(services).sort()) {
    const fields = services[name];
    if (!isFields(fields)) throw new Error(`\`services.${name}\` must be an object of fields`);
    const service = { ...defaults, ...fields };
    if (service.image === undefined && service.build === undefined)
      throw new Error(`\`services.${name}\` has no \`image\``);
    made[name] = sorted(service);
  }
  // Both Compose 1 and Compose 2 read version "2.4".
  return `${HEADER}${YAML.stringify({ version: "2.4", services: made }, null, 2)}\n`;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isFields(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((name) => [name, sorted(value[name])]),
  );
}
