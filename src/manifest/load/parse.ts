/**
 * JSON, YAML and TOML manifests. Parsing is strict: every error has a line and column, and duplicate keys are errors.
 * Each parser is loaded only for its own kind of file.
 */
import type { Node, ParseError } from "jsonc-parser";
import { DtError } from "../../sys/base/error.ts";
import { trimEnd } from "../../sys/text/trim.ts";
import { JSON_ERRORS } from "./jsonerrors.ts";

export interface Position {
  line: number;
  /** Counted from 1, in UTF-16 units as editors do. */
  column: number;
}

export interface ParsedManifest {
  value: unknown;
  /** The position in the file of the value at a path; null when the parser does not know. */
  locate(path: readonly (string | number)[]): Position | null;
}

const PARSERS: Record<string, (file: string, text: string) => Promise<ParsedManifest>> = {
  ".json": parseJson,
  ".yaml": parseYaml,
  ".yml": parseYaml,
  ".toml": parseToml,
};

/** The parser for a file extension; undefined when it is code. */
export function parserFor(extension: string) {
  return PARSERS[extension];
}

function syntaxError(file: string, { position, message }: { position: Position | null; message: string }): DtError {
  const where = position === null ? file : `${file}:${position.line}:${position.column}`;
  return new DtError("syntax", `${where}: ${trimEnd(message.trimEnd(), ".")}.`);
}

function positionAt(text: string, offset: number): Position {
  const before = text.slice(0, offset);
  return { line: before.split("\n").length, column: offset - (before.lastIndexOf("\n") + 1) + 1 };
}

async function parseJson(file: string, text: string): Promise<ParsedManifest> {
  try {
    return await parseJsonTree(file, text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    // The parser calls itself once a level.
    const { offset, depth } = await deepestOf(text);
    throw syntaxError(file, { position: positionAt(text, offset), message: `Nested too deeply: ${depth} levels` });
  }
}

/** Where a JSON text is nested deepest. Counts brackets, so that it needs no stack. */
async function deepestOf(text: string): Promise<{ offset: number; depth: number }> {
  const { createScanner } = await import("jsonc-parser");
  const scanner = createScanner(text, true);
  const deepest = { offset: 0, depth: 0 };
  for (let depth = 0; ; ) {
    scanner.scan();
    const offset = scanner.getTokenOffset();
    if (offset >= text.length) return deepest;
    const first = text.charAt(offset);
    if ("]}".includes(first)) depth--;
    else if ("[{".includes(first) && ++depth > deepest.depth) Object.assign(deepest, { offset, depth });
  }
}

async function parseJsonTree(file: string, text: string): Promise<ParsedManifest> {
  const { findNodeAtLocation, parseTree, printParseErrorCode } = await import("jsonc-parser");
  const errors: ParseError[] = [];
  const tree = parseTree(text, errors, { disallowComments: true, allowTrailingComma: false });
  const first = errors[0];
  if (first !== undefined || tree === undefined) {
    const code = first === undefined ? "ValueExpected" : printParseErrorCode(first.error);
    throw syntaxError(file, {
      position: positionAt(text, first?.offset ?? text.length),
      message: `Not valid JSON: ${JSON_ERRORS[code] ?? code}`,
    });
  }
  return {
    value: valueOfJson(file, { text, node: tree }),
    locate(path) {
      const node = findNodeAtLocation(tree, [...path]);
      return node === undefined ? null : positionAt(text, node.offset);
    },
  };
}

function valueOfJson(file: string, { text, node }: { text: string; node: Node }): unknown {
  if (node.type === "array") return (node.children ?? []).map((child) => valueOfJson(file, { text, node: child }));
  if (node.type !== "object") return node.value;
  const value: Record<string, unknown> = Object.create(null);
  for (const { children: [key, content] = [] } of node.children ?? []) {
    if (key === undefined || content === undefined) continue;
    if (Object.hasOwn(value, key.value)) {
      throw syntaxError(file, {
        position: positionAt(text, key.offset),
        message: `Duplicate key ${JSON.stringify(key.value)}`,
      });
    }
    value[key.value] = valueOfJson(file, { text, node: content });
  }
  return value;
}

async function parseYaml(file: string, text: string): Promise<ParsedManifest> {
  const { LineCounter, isNode, parseDocument, visit } = await import("yaml");
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: true,
    stringKeys: true,
    merge: true,
  });
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const first = document.errors[0] ?? document.warnings[0];
  if (first !== undefined) {
    const sentence =
      first.code === "DUPLICATE_KEY"
        ? `Duplicate key ${JSON.stringify(/^[^\s:]+/.exec(text.slice(first.pos[0]))?.[0] ?? "")}`
        : /^Maximum call stack/.test(first.message)
          ? "Nested too deeply"
          : `Not valid YAML: ${first.message}`;
    throw syntaxError(file, { position: at(first.pos[0]), message: sentence });
  }
  visit(document, {
    Alias(_, node) {
      if (node.resolve(document) !== undefined) return;
      throw syntaxError(file, {
        position: at(node.range?.[0] ?? 0),
        message: `Not valid YAML: there is no anchor "&${node.source}" before this`,
      });
    },
  });
  let value: unknown;
  try {
    value = document.toJS();
  } catch (error) {
    // e.g. aliases that multiply without end
    throw syntaxError(file, { position: null, message: `Not valid YAML: ${(error as Error).message}` });
  }
  return {
    value,
    locate(path) {
      const node = document.getIn(path, true);
      return isNode(node) && node.range ? at(node.range[0]) : null;
    },
  };
}

async function parseToml(file: string, text: string): Promise<ParsedManifest> {
  const { parse, TomlError } = await import("smol-toml");
  try {
    return { value: parse(text), locate: () => null };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const reason = (error.message.split("\n")[0] ?? "").replace(/^Invalid TOML document: /, "");
    throw syntaxError(file, {
      position: { line: error.line, column: error.column },
      message: `Not valid TOML: ${reason}`,
    });
  }
}
