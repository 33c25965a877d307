/**
 * Whether what a one-shot made is still there: each of its `outputs` must be the same file or directory as when it last
 * succeeded. One that was removed and created again, such as a database's directory, is a different one. An empty
 * directory counts as missing.
 */
import { readdirSync, type Stats } from "node:fs";
import { join, resolve } from "node:path";
import { statOf } from "../../sys/base/stat.ts";

/**
 * By output as written in the manifest: the identity of the file; null: it is missing. A pattern only says whether a
 * file matches it.
 */
export type Outputs = Record<string, string | null>;

export interface OutputsRequest {
  root: string;
  env: Record<string, string | undefined>;
  outputs: readonly string[];
}

export async function readOutputs({ root, env, outputs }: OutputsRequest): Promise<Outputs> {
  const found: Outputs = {};
  const patterns: string[] = [];
  for (const output of outputs) {
    const path = resolve(root, output.startsWith("~/") ? join(env.HOME ?? "", output.slice(1)) : output);
    const stat = statOf(path);
    found[output] = stat === undefined ? null : identityOf(stat, path);
    if (stat === undefined && /[*?[{]/.test(output)) patterns.push(output);
  }
  if (patterns.length === 0) return found;
  const { findFiles } = await import("../../sys/match/find.ts");
  const { unmatched } = await findFiles({ root, env, patterns, ignore: [], leaveOut: [], git: false });
  for (const pattern of patterns) if (!unmatched.includes(pattern)) found[pattern] = "there";
  return found;
}

/** Why the one-shot must run again, as a sentence without a full stop; null: everything is as it was. */
export function compareOutputs(now: Outputs, before: Outputs | undefined): string | null {
  for (const [output, is] of Object.entries(now)) {
    if (is === null) return `its output ${output} is missing`;
    if (before?.[output] !== is) return `its output ${output} is not the one that it made`;
  }
  return null;
}

function identityOf(stat: Stats, path: string): string | null {
  if (stat.isDirectory() && isEmpty(path)) return null;
  return `${stat.dev} ${stat.ino} ${stat.birthtimeMs}`;
}

function isEmpty(path: string): boolean {
  try {
    return readdirSync(path).length === 0;
  } catch {
    return false; // it exists, and is another user's
  }
}
