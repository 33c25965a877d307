/** Turns a file into an outcome: reads or evaluates it, then validates it. Runs in the load child only. */
import { readFileSync } from "node:fs";
import { extname } from "node:path";
import { DtError } from "../../sys/base/error.ts";
import { isData } from "../imports/extensions.ts";
import { failed, type Outcome } from "../model/outcome.ts";
import type { Issue } from "../resolve/rules.ts";
import { describeValue } from "../schema/shape.ts";
import { API, type Evaluation } from "./evaluate.ts";
import { explainJson } from "./jsonfault.ts";
import { type ParsedManifest, type Position, parserFor } from "./parse.ts";
import { locatorOf } from "./source.ts";
import { explainThrown } from "./thrown.ts";
import { formatIssue, validatePlugin } from "./validate.ts";

/** How many faults of one manifest are shown; more at once would not help. */
const ISSUE_LIMIT = 12;

/** The outcome of a JSON, YAML or TOML manifest. */
export async function judgeData(file: string, bytes: Uint8Array): Promise<Outcome> {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return failed({ file, code: "syntax", message: `${file}: is not UTF-8 text.` });
  }
  let parsed: ParsedManifest;
  try {
    parsed = await parserFor(extname(file).toLowerCase())!(file, text);
  } catch (error) {
    if (error instanceof DtError) return failed({ file, code: error.code, message: error.message });
    return failed({ file, code: "syntax", message: `${file}: ${(error as Error).message.replace(/\.$/, "")}.` });
  }
  return judgeValue(file, { value: withoutSchemaKey(parsed.value), locate: parsed.locate });
}

/** The outcome of a manifest in TypeScript or JavaScript. */
export async function judgeCode(file: string, evaluation: Evaluation): Promise<Outcome> {
  let value: unknown;
  try {
    value = await evaluation.run();
  } catch (error) {
    return failed({
      file,
      ...((await explainJson(error, { file, alsoRead: filesRead(evaluation) })) ??
        explainThrown(error, { file, exported: Object.keys(API) })),
    });
  }
  let locate: ReturnType<typeof locatorOf> | null = null;
  return judgeValue(file, {
    value,
    locate: (path) => {
      locate ??= locatorOf(readFileSync(file, "utf8"));
      return locate(path);
    },
  });
}

function filesRead(evaluation: Evaluation): string[] {
  return Object.keys(evaluation.report().seen).flatMap((question) => /^content (.*)$/s.exec(question)?.[1] ?? []);
}

function judgeValue(
  file: string,
  { value, locate }: { value: unknown; locate: (path: readonly (string | number)[]) => Position | null },
): Outcome {
  if (!looksLikePlugin(value)) return { is: "helper", why: isData(file) ? whyNoData(value) : whyNoExport(file, value) };
  const verdict = validatePlugin(value, { file, origin: "root" });
  if (verdict.valid) return { is: "plugin", plugin: verdict.plugin };
  const placed = verdict.issues.map((issue) => ({ issue, position: positionOf(issue, locate) }));
  // In the order of the file; faults without a position come first.
  placed.sort((a, b) => compare(a.position, b.position));
  const lines = placed.slice(0, ISSUE_LIMIT).map(({ issue, position }) => {
    const place = position === null ? file : `${file}:${position.line}:${position.column}`;
    return `${place}: ${formatIssue(issue)}`;
  });
  const more = verdict.issues.length - lines.length;
  if (more > 0) lines.push(`${file}: and ${more} more.`);
  return failed({ file, code: "invalid", message: lines.join("\n"), plugin: verdict.name });
}

/** Whether a value is meant as a plugin; a file that exports anything else is a helper. */
function looksLikePlugin(value: unknown): value is object {
  return (
    typeof value === "object" && value !== null && !Array.isArray(value) && ("name" in value || "commands" in value)
  );
}

const WANTED = "an object with `name` and `commands`";

function whyNoData(value: unknown): string {
  return value === null || value === undefined
    ? `holds nothing; a manifest holds ${WANTED}`
    : `holds ${describeValue(value)}${keysOf(value)}, not ${WANTED}`;
}

function whyNoExport(file: string, value: unknown): string {
  // A file that exports nothing at all is an empty object to CommonJS.
  const isNothing =
    value === undefined || (isObject(value) && !Array.isArray(value) && Object.keys(value).length === 0);
  if (!isNothing) return `exports ${describeValue(value)}${keysOf(value)} as its default, not ${WANTED}`;
  const text = readFileSync(file, "utf8");
  if (text.trim() === "") return "is empty; a manifest has `export default definePlugin({ … })`";
  return /\bdefinePlugin\s*\(/.test(text)
    ? "calls `definePlugin` but does not export its result: write `export default definePlugin({ … })`"
    : `has no default export; a manifest has \`export default\` of ${WANTED}`;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function keysOf(value: unknown): string {
  if (!isObject(value) || Array.isArray(value)) return "";
  const keys = Object.keys(value);
  return keys.length === 0 ? " without fields" : ` with ${keys.slice(0, 4).join(", ")}`;
}

/** The position of the field, or of the nearest enclosing one that has a position. */
function positionOf(issue: Issue, locate: (path: readonly (string | number)[]) => Position | null): Position | null {
  for (let length = issue.path.length; length > 0; length--) {
    const position = locate(issue.path.slice(0, length));
    if (position !== null) return position;
  }
  return null;
}

function compare(a: Position | null, b: Position | null): number {
  if (a === null || b === null) return Number(a !== null) - Number(b !== null);
  return a.line - b.line || a.column - b.column;
}

/** `$schema` is for the editor. */
function withoutSchemaKey(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const { $schema, ...rest } = value as Record<string, unknown>;
  return typeof $schema === "string" || $schema === undefined ? rest : value;
}
