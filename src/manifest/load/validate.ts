/**
 * Validates one manifest's value: first the schema, then the rules on the merged result. Every fault is a path and a
 * sentence.
 */
import * as v from "valibot";
import type { ManifestOrigin, ResolvedPlugin } from "../model/resolved.ts";
import type { Plugin } from "../model/types.ts";
import { resolvePlugin } from "../resolve/resolve.ts";
import type { Issue } from "../resolve/rules.ts";
import { pluginSchema } from "../schema/schema.ts";

export type Validation =
  | { valid: true; plugin: ResolvedPlugin }
  | { valid: false; issues: Issue[]; name: string | null };

export function validatePlugin(value: unknown, { file, origin }: { file: string; origin: ManifestOrigin }): Validation {
  const parsed = v.safeParse(pluginSchema, value);
  if (!parsed.success) {
    const issues = parsed.issues.map((issue) => ({
      path: (issue.path ?? []).map((item) => item.key as string | number),
      message: issue.message,
    }));
    return { valid: false, issues, name: nameOf(value) };
  }
  const { plugin, issues } = resolvePlugin(parsed.output as Plugin, { file, origin });
  return issues.length === 0 ? { valid: true, plugin } : { valid: false, issues, name: plugin.name };
}

/** The name of a broken plugin, if the name itself is valid. */
function nameOf(value: unknown): string | null {
  const name = (value as { name?: unknown } | null)?.name;
  return typeof name === "string" && v.is(pluginSchema.entries.name, name) ? name : null;
}

/** `commands.dev.ready.http`; a part that is not an identifier is written `["…"]`. */
function formatPath(path: readonly (string | number)[]): string {
  return path
    .map((part, index) => {
      if (typeof part === "number") return `[${part}]`;
      if (!/^[A-Za-z_$][\w$-]*$/.test(part)) return `[${JSON.stringify(part)}]`;
      return index === 0 ? part : `.${part}`;
    })
    .join("");
}

/** `commands.dev.port: expected …, found ….` */
export function formatIssue({ path, message }: Issue): string {
  const where = formatPath(path);
  const sentence = /[.?!]$/.test(message) ? message : `${message}.`;
  return where === "" ? `The plugin ${sentence}` : `${where}: ${sentence}`;
}
