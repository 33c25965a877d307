/** Locates a fault in a JSON file that a manifest reads: the engine's error names neither the file nor the position. */
import { readFileSync } from "node:fs";
import type { ParseError } from "jsonc-parser";
import { importClosureOf } from "../imports/closure.ts";
import { JSON_ERRORS } from "./jsonerrors.ts";
import { type Thrown, thrownText } from "./thrown.ts";

/**
 * The first faulty one of the files that are imported by name or were `read`; null if all are fine, or for another
 * error.
 */
export async function explainJson(
  error: unknown,
  { file, alsoRead = [] }: { file: string; alsoRead?: readonly string[] | undefined },
): Promise<Thrown | null> {
  if (!thrownText(error).startsWith("JSON Parse error")) return null;
  for (const path of [...importClosureOf(file), ...alsoRead]) {
    const fault = /\.jsonc?$/.test(path) ? await faultOf(path) : null;
    if (fault !== null) return { code: "syntax", message: fault, hint: `${file} reads it.` };
  }
  return null;
}

async function faultOf(path: string): Promise<string | null> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return null;
  }
  try {
    JSON.parse(text);
    return null;
  } catch {
    const { parseTree, printParseErrorCode } = await import("jsonc-parser");
    const errors: ParseError[] = [];
    parseTree(text, errors, { disallowComments: true, allowTrailingComma: false });
    const [first] = errors;
    const before = text.slice(0, first?.offset ?? text.length);
    const code = first === undefined ? "ValueExpected" : printParseErrorCode(first.error);
    return `${path}:${before.split("\n").length}:${before.length - before.lastIndexOf("\n")}: Not valid JSON: ${JSON_ERRORS[code] ?? code}.`;
  }
}
