/**
 * Plugins that are packages: the root's package.json names them in `"dialtone": {"plugins": ["@acme/dt-plugin"]}`. A
 * package names its manifest with `"dialtone": {"manifest": "path"}`; otherwise its main export is the manifest.
 */
import { statSync } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import { messageOf } from "../../sys/base/error.ts";
import { readText } from "../../sys/files/fileread.ts";
import type { ManifestFailure } from "../model/resolved.ts";
import { distrust, type Judge } from "./trust.ts";

const PACKAGE_NAME = /^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/i;

export function discoverPackages(root: string, judge: Judge): { files: string[]; failures: ManifestFailure[] } {
  const packageFile = join(root, "package.json");
  const files: string[] = [];
  const failures: ManifestFailure[] = [];
  const fail = (code: string, reason: string, hint: string | null = null) =>
    void failures.push({ file: packageFile, code, message: `${packageFile}: ${reason}.`, hint, plugin: null });
  const text = readOrNull(packageFile);
  if (text === null || !text.includes('"dialtone"')) return { files, failures };
  const refused = distrust(packageFile, { stat: statSync(packageFile), ...judge });
  if (refused !== null) {
    failures.push({ file: packageFile, code: "permission", ...refused, plugin: null });
    return { files, failures };
  }
  let plugins: unknown;
  try {
    plugins = (JSON.parse(text) as { dialtone?: { plugins?: unknown } } | null)?.dialtone?.plugins ?? [];
  } catch (error) {
    fail("syntax", `is not valid JSON: ${messageOf(error)}`);
    return { files, failures };
  }
  if (!Array.isArray(plugins)) {
    fail("invalid", "dialtone.plugins: expected a list of package names");
    return { files, failures };
  }
  for (const name of new Set(plugins)) {
    if (typeof name !== "string" || !PACKAGE_NAME.test(name)) {
      fail("invalid", `dialtone.plugins: expected a package name, found ${JSON.stringify(name)}`);
      continue;
    }
    const directory = findPackage(root, name);
    if (directory === null) {
      fail(
        "unreadable",
        `dialtone.plugins names ${JSON.stringify(name)}, which is not installed`,
        `npm install ${name}`,
      );
      continue;
    }
    const manifest = manifestOf(directory);
    if (typeof manifest === "string") files.push(manifest);
    else fail("unreadable", `dialtone.plugins names ${JSON.stringify(name)}, ${manifest.reason}`);
  }
  return { files, failures };
}

function findPackage(root: string, name: string): string | null {
  for (let directory = root; ; directory = dirname(directory)) {
    const candidate = join(directory, "node_modules", name);
    if (isFile(join(candidate, "package.json"))) return candidate;
    if (dirname(directory) === directory) return null;
  }
}

interface PackageJson {
  dialtone?: { manifest?: unknown };
  exports?: unknown;
  module?: unknown;
  main?: unknown;
}

function manifestOf(directory: string): string | { reason: string } {
  let json: PackageJson;
  try {
    const text = readText(join(directory, "package.json"));
    if (text.is !== "there")
      return { reason: `whose package.json cannot be read: ${text.is === "absent" ? "it is gone" : text.reason}` };
    json = JSON.parse(text.value) as PackageJson;
  } catch (error) {
    return { reason: `whose package.json cannot be read: ${messageOf(error)}` };
  }
  const named = json.dialtone?.manifest ?? mainExport(json.exports) ?? json.module ?? json.main ?? "index.js";
  if (typeof named !== "string")
    return { reason: "whose package.json has no manifest: expected a path at dialtone.manifest" };
  const file = resolve(directory, named);
  if (!file.startsWith(directory + sep))
    return { reason: `whose manifest ${JSON.stringify(named)} is outside the package` };
  const found = [file, `${file}.js`, join(file, "index.js")].find(isFile);
  return found ?? { reason: `whose manifest ${file} does not exist` };
}

/** The path that `import` would resolve "." to, under the conditions that apply in dt. */
function mainExport(exports: unknown): string | undefined {
  if (typeof exports === "string") return exports;
  if (Array.isArray(exports)) return exports.map(mainExport).find((path) => path !== undefined);
  if (typeof exports !== "object" || exports === null) return undefined;
  const table = exports as Record<string, unknown>;
  for (const condition of [".", "bun", "import", "node", "module", "default"]) {
    const path = Object.hasOwn(table, condition) ? mainExport(table[condition]) : undefined;
    if (path !== undefined) return path;
  }
  return undefined;
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

function readOrNull(path: string): string | null {
  const text = readText(path);
  return text.is === "there" ? text.value : null;
}
