/** Why an import from an installed package fails: its package.json, or a file that this names, is wrong. */
import { readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { messageOf } from "../../sys/base/error.ts";
import { starOf } from "./tsconfig.ts";

/** `message` follows "imports …, "; `hint` says how to fix it. */
export interface Fault {
  message: string;
  hint: string;
}

export function packageOf(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

/** Null when the package is not installed. */
export function faultOfPackage(specifier: string, importer: string): Fault | null {
  const name = packageOf(specifier);
  const directory = findPackage(name, dirname(importer));
  if (directory === null) return null;
  const file = join(directory, "package.json");
  const subpath = `.${specifier.slice(name.length)}`;
  let json: PackageJson;
  try {
    json = readPackage(file);
  } catch (error) {
    return {
      message: `but ${file} is not valid: ${messageOf(error).replace(/\.$/, "")}`,
      hint: `Correct that file, or remove ${directory} and install it again.`,
    };
  }
  if (json.exports !== undefined && json.exports !== null) return faultOfExports(json.exports, { subpath, file });
  if (subpath !== ".")
    return {
      message: `but ${join(directory, subpath)} does not exist`,
      hint: `Import a file that the package in ${directory} has.`,
    };
  const main = json.module ?? json.main;
  return typeof main === "string"
    ? { message: `but the main file of ${file}, ${JSON.stringify(main)}, does not exist`, hint: REPAIR }
    : {
        message: `but ${file} ${json === ABSENT ? "does not exist, nor does" : "names no main file, and there is no"} index.js beside it`,
        hint: "Import a file of the package by its path.",
      };
}

const REPAIR = "Build the package if it is your own; otherwise remove it and install it again.";

interface PackageJson {
  exports?: unknown;
  module?: unknown;
  main?: unknown;
}

const ABSENT: PackageJson = {};

function readPackage(file: string): PackageJson {
  if (statSync(file, { throwIfNoEntry: false }) === undefined) return ABSENT;
  const json = JSON.parse(readFileSync(file, "utf8")) as PackageJson | null;
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw new Error("it is not an object");
  return json;
}

function faultOfExports(exports: unknown, { subpath, file }: { subpath: string; file: string }): Fault {
  const named = subpathsOf(exports);
  const [pattern, entry] = Object.entries(named).find(([one]) => starOf(one, subpath) !== null) ?? [];
  const star = starOf(pattern ?? "", subpath) ?? "";
  if (entry === undefined || entry === null) {
    const others = Object.keys(named).join(", ");
    return {
      message: `but ${file} does not export ${JSON.stringify(subpath)}`,
      hint: others === "" ? "It exports nothing." : `It exports ${others}.`,
    };
  }
  const targets = textsIn(entry).map((target) => target.replaceAll("*", () => star));
  const missing = targets.find((target) => !isFile(join(dirname(file), target)));
  return missing === undefined
    ? {
        message: `but ${file} exports ${JSON.stringify(subpath)} only under conditions that do not apply to a manifest`,
        hint: "The conditions import, require, node, bun and default apply to a manifest.",
      }
    : { message: `but ${JSON.stringify(missing)}, which ${file} exports for it, does not exist`, hint: REPAIR };
}

/** `exports` describes "." alone, unless its keys are subpaths. */
function subpathsOf(exports: unknown): Record<string, unknown> {
  const isTable = typeof exports === "object" && exports !== null && Object.keys(exports)[0]?.startsWith(".") === true;
  return isTable ? (exports as Record<string, unknown>) : { ".": exports };
}

function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

function findPackage(name: string, from: string): string | null {
  for (let directory = from; ; directory = dirname(directory)) {
    const candidate = join(directory, "node_modules", name);
    if (statSync(candidate, { throwIfNoEntry: false })?.isDirectory()) return candidate;
    if (dirname(directory) === directory) return null;
  }
}

export function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
