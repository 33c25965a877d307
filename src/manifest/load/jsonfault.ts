/** A JSON file that a manifest imports and that is none: the engine does not say which one it was, nor where. */
import { readFileSync } from "node:fs";
import type { ParseError } from "jsonc-parser";
import { closureOf } from "../imports/closure.ts";
import { JSON_ERRORS } from "./jsonerrors.ts";
import { type Thrown, textOf } from "./thrown.ts";

/** The first among those that are imported by name, or were `read`; null when it is none of them, or another error. */
export async function explainJson(error: unknown, file: string, read: readonly string[] = []): Promise<Thrown | null> {
  if (!textOf(error).startsWith("JSON Parse error")) return null;
  for (const path of [...closureOf(file), ...read]) {
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
