/**
 * Turns whatever evaluating a manifest threw into a failure that names the place in the author's file, without dt's own
 * stack.
 */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { nearestNames } from "../../sys/text/nearest.ts";
import { aliasOf } from "../imports/alias.ts";
import { importOf, otherCapitals, otherPackage, type WrittenImport } from "../imports/capitals.ts";
import { type Fault, faultOfPackage, packageOf } from "../imports/installed.ts";
import type { ManifestFailure } from "../model/resolved.ts";

/** How many characters of a thrown message are shown. */
const MESSAGE_LIMIT = 2000;

export type Thrown = Pick<ManifestFailure, "code" | "message" | "hint">;

interface EvaluatedFile {
  file: string;
  /** The names that `@dialtone/dt` exports. */
  exported: readonly string[];
}

export function explainThrown(error: unknown, { file, exported }: EvaluatedFile): Thrown {
  return (
    parseErrorOf(error) ??
    builtErrorOf(error) ??
    missingImportOf(error, file) ??
    missingFileOf(error, { file, exported }) ??
    thrownBy(error, { file, exported })
  );
}

/** The message of a thrown value, else "": a manifest may throw a value that cannot be converted to text. */
export function thrownText(error: unknown): string {
  const message = (error as { message?: unknown } | null | undefined)?.message;
  return typeof message === "string" ? message : "";
}

const PARSE_ERROR = "ParseError:";

/** An error of Babel's, whose columns count from 0. */
function parseErrorOf(error: unknown): Thrown | null {
  const text = thrownText(error);
  const [last = "", ...before] = text.trimEnd().split("\n").reverse();
  const match = /^(.+):(\d+):(\d+)$/.exec(last.trim());
  if (!text.startsWith(PARSE_ERROR) || before.length === 0 || match === null) return null;
  const reason = before.reverse().join("\n").slice(PARSE_ERROR.length).trim();
  const [, file, line, column] = match;
  return {
    code: "syntax",
    message: `${file}:${line}:${Number(column) + 1}: ${reason.replace(/\.$/, "")}.`,
    hint: null,
  };
}

/** An error of Bun's own, for what Bun itself loads: TOML, YAML, a package. */
function builtErrorOf(error: unknown): Thrown | null {
  const [first] = (error as { errors?: unknown[] } | null)?.errors ?? [error];
  const { position, name } = (first ?? {}) as {
    position?: { file: string; line: number; column: number } | null;
    name?: unknown;
  };
  if ((name !== "BuildMessage" && name !== "ResolveMessage") || !position?.file) return null;
  const { file, line, column } = position;
  if (missingOf(first) !== null) return null;
  return {
    code: "syntax",
    message: `${file}:${line}:${column}: ${clip(thrownText(first)).replace(/\.$/, "")}.`,
    hint: null,
  };
}

function missingOf(error: unknown): string | null {
  const text = thrownText(error);
  const found =
    /^Cannot find (?:module|package) ['"]([^'"]+)['"]/.exec(text) ?? /^No such built-in module: (\S+)$/.exec(text);
  return found?.[1] ?? null;
}

function missingImportOf(error: unknown, file: string): Thrown | null {
  const specifier = missingOf(error);
  if (specifier === null) return null;
  const above = /Require stack:\n- (.+)/.exec(thrownText(error))?.[1]?.trim() ?? file;
  // A `data:` module of jiti's has no file to point to.
  const importer = isOurs(above) || /^\/?data:/.test(above) ? file : above;
  if (specifier.startsWith(".") || specifier.startsWith("/"))
    return notThere({ importer, specifier }, hintForPath(resolve(dirname(importer), specifier)));
  const fault = faultOfPackage(specifier, importer) ?? aliasOf(specifier, importer);
  if (fault !== null) return importFailure({ importer, specifier }, fault);
  const other = otherPackage(packageOf(specifier), importer);
  const install = `Install it (\`npm install ${packageOf(specifier)}\`), or remove the import.`;
  return notThere({ importer, specifier }, other === null ? install : sameCapitals(other));
}

/** The resolver ignores upper and lower case, so it can find a path that then cannot be read. */
function missingFileOf(error: unknown, { file, exported }: EvaluatedFile): Thrown | null {
  const { code, path, stack } = (error ?? {}) as { code?: unknown; path?: unknown; stack?: unknown };
  const other = code === "ENOENT" && typeof path === "string" ? otherCapitals(path) : null;
  if (other === null) return null;
  const meant = importOf(path as string, { manifest: file, near: frameOf(stack)?.replace(/:\d+$/, "") ?? null });
  return meant === null
    ? { ...thrownBy(error, { file, exported }), hint: sameCapitals(other) }
    : notThere(meant, sameCapitals(other));
}

function notThere(meant: WrittenImport, hint: string): Thrown {
  return importFailure(meant, { message: "which was not found", hint });
}

function importFailure({ importer, specifier }: WrittenImport, { message, hint }: Fault): Thrown {
  const place = placeOfText(importer, specifier);
  return { code: "import", message: `${place}: imports ${JSON.stringify(specifier)}, ${message}.`, hint };
}

function hintForPath(path: string): string {
  const other = otherCapitals(path);
  return other === null ? "Check the path; it is relative to the importing file." : sameCapitals(other);
}

function sameCapitals(path: string): string {
  return `${path} exists: use the same capitals.`;
}

/** `file:line:column` of the quoted text, or the file alone. */
function placeOfText(file: string, quoted: string): string {
  const text = readOrEmpty(file);
  const offset = [`"${quoted}"`, `'${quoted}'`].map((form) => text.indexOf(form)).find((index) => index >= 0);
  if (offset === undefined) return file;
  const before = text.slice(0, offset);
  return `${file}:${before.split("\n").length}:${offset - before.lastIndexOf("\n")}`;
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function thrownBy(error: unknown, { file, exported }: EvaluatedFile): Thrown {
  const place = frameOf((error as { stack?: unknown } | null)?.stack) ?? file;
  const isError = typeof error === "object" && error !== null && typeof (error as Error).message === "string";
  if (!isError) return { code: "throws", message: `${place}: threw ${safeText(error)}.`, hint: null };
  const { name, message } = error as Error;
  // For `definePlugn(…)`, Babel's output throws
  // `(0, _dt.definePlugn) is not a function. (In '…', '…' is undefined)`.
  const plain = withoutOrigin(message).replace(/\(0, _\w+\.(\w+)\)/g, "`$1`");
  const called = /^`(\w+)` is not a function/.exec(plain)?.[1];
  return {
    code: "throws",
    message: `${place}: ${name || "Error"}: ${clip(plain).replace(/\.$/, "")}.`,
    hint: called === undefined ? null : hintForMissingExport(called, { thrower: place.replace(/:\d+$/, ""), exported }),
  };
}

function withoutOrigin(message: string): string {
  const at = message.indexOf("(In '");
  const isOrigin = at >= 0 && message.endsWith(")") && /' is (?:undefined\)$|not )/.test(message.slice(at));
  return isOrigin ? message.slice(0, at).trimEnd() : message;
}

/** Whether a statement that imports from dt contains the name. */
function importsFromDt(source: string, name: string): boolean {
  const word = new RegExp(`\\b${name}\\b`);
  return source.split(";").some((statement) => {
    const at = Math.max(...[`"@dialtone/dt"`, `'@dialtone/dt'`].map((quoted) => statement.lastIndexOf(quoted)));
    return at >= 0 && word.test(statement.slice(0, at));
  });
}

function hintForMissingExport(
  called: string,
  { thrower, exported }: { thrower: string; exported: readonly string[] },
): string | null {
  if (exported.includes(called) || !importsFromDt(readOrEmpty(thrower), called)) return null;
  const near = nearestNames(called, exported);
  return `@dialtone/dt does not export \`${called}\`; ${near[0] === undefined ? `it exports ${exported.join(", ")}` : `did you mean \`${near[0]}\`?`}`;
}

/**
 * The topmost stack line in a file of the author's, as `file:line`. Columns are of the transformed code, so they are
 * dropped.
 */
export function frameOf(stack: unknown): string | null {
  if (typeof stack !== "string") return null;
  for (const line of stack.split("\n")) {
    const end = /:(\d+):\d+\)?$/.exec(line.trim());
    if (end === null) continue;
    const head = line.trim().slice(0, end.index);
    const place = head.slice(Math.max(head.lastIndexOf("("), head.lastIndexOf(")"), 0));
    const path = /(?:\(|at |@)(?:file:\/\/)?(\/.*)$/s.exec(place)?.[1];
    if (path !== undefined && !isOurs(path) && readOrEmpty(path) !== "") return `${path}:${end[1]}`;
  }
  return null;
}

function isOurs(path: string): boolean {
  return (
    path.startsWith(`${dirname(import.meta.dir)}/`) ||
    path.startsWith("/$bunfs/") ||
    path.includes("/node_modules/jiti/")
  );
}

function safeText(value: unknown): string {
  try {
    return clip(typeof value === "string" ? JSON.stringify(value) : String(value));
  } catch {
    return "a value that cannot be shown";
  }
}

function clip(text: string): string {
  const plain = text
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .trim();
  return plain.length > MESSAGE_LIMIT ? `${plain.slice(0, MESSAGE_LIMIT)}…` : plain;
}
