/**
 * Finds manifests: in the root, in the user's home of dt, and in packages named in package.json. It looks at names and
 * owners only, reads nothing but package.json files and runs nothing. Every dt call does this, so it is synchronous.
 */
import { lstatSync, readdirSync, realpathSync, type Stats, statSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { errnoOf, messageOf } from "../../sys/base/error.ts";
import { isManifestEnding, isNearEnding } from "../imports/extensions.ts";
import type { ManifestFailure, ManifestOrigin } from "../model/resolved.ts";
import { discoverPackages } from "./packages.ts";
import { distrust, type Judge } from "./trust.ts";

export interface FoundManifest {
  file: string;
  origin: Exclude<ManifestOrigin, "binary">;
}

export interface Discovery {
  manifests: FoundManifest[];
  failures: ManifestFailure[];
}

export interface DiscoveryScope extends Judge {
  root: string;
  /** DIALTONE_HOME; null when there is none. */
  home: string | null;
}

/** Files of other tools that a folder of TypeScript may hold; a package.json even has a `name`. */
const NOT_MANIFESTS = new Set(["package.json", "package-lock.json", "tsconfig.json"]);

const LINE_ENDS = ["\n", "\r", "\u2028", "\u2029"];

function isManifestName(name: string): boolean {
  if (LINE_ENDS.some((end) => name.includes(end))) return false;
  return !name.startsWith(".") && isManifestEnding(extname(name)) && !isDeclaration(name) && !NOT_MANIFESTS.has(name);
}

function isDeclaration(name: string): boolean {
  return /\.d\.[cm]?ts$/.test(name);
}

export function discover({ root, home, ...judge }: DiscoveryScope): Discovery {
  const found: Discovery = { manifests: [], failures: [] };
  const directories: [string, "root" | "home"][] = [[join(root, "manifests"), "root"]];
  if (home !== null && home !== root) directories.push([join(home, "manifests"), "home"]);
  for (const [directory, origin] of directories) discoverDirectory(directory, { origin, judge, found });
  const packages = discoverPackages(root, judge);
  found.failures.push(...packages.failures);
  for (const file of packages.files) consider(file, { origin: "package", judge, found });
  return found;
}

function discoverDirectory(
  directory: string,
  { origin, judge, found }: { origin: "root" | "home"; judge: Judge; found: Discovery },
): void {
  let names: string[];
  try {
    const refused = distrust(directory, { stat: statSync(directory), ...judge });
    if (refused !== null) {
      found.failures.push({ file: directory, code: "permission", ...refused, plugin: null });
      return;
    }
    names = readdirSync(directory);
  } catch (error) {
    const code = errnoOf(error);
    if (code === "ENOENT") return;
    found.failures.push(unreadable(directory, code === "ENOTDIR" ? "is not a directory" : messageOf(error)));
    return;
  }
  for (const name of names.sort()) {
    if (isManifestName(name)) consider(join(directory, name), { origin, judge, found });
    else if (!name.startsWith(".") && isNearEnding(extname(name)) && !isDeclaration(name) && !NOT_MANIFESTS.has(name))
      found.failures.push(strangeEnding(join(directory, name)));
  }
}

/** Adds a file to the manifests if it is a regular file that can be trusted, else to the failures. */
function consider(
  file: string,
  { origin, judge, found }: { origin: FoundManifest["origin"]; judge: Judge; found: Discovery },
): void {
  let stat: Stats;
  try {
    stat = lstatSync(file);
    if (stat.isSymbolicLink()) {
      stat = statSync(file);
      const directory = dirname(realpathSync(file));
      const refused = distrust(directory, { stat: statSync(directory), ...judge });
      if (refused !== null) {
        found.failures.push({ file, code: "permission", ...refused, plugin: null });
        return;
      }
    }
  } catch (error) {
    found.failures.push(
      unreadable(file, errnoOf(error) === "ENOENT" ? "is a link to a file that does not exist" : messageOf(error)),
    );
    return;
  }
  if (stat.isDirectory()) {
    found.failures.push(unreadable(file, "is a directory; a manifest is one file, directly in `manifests/`"));
    return;
  }
  if (!stat.isFile()) {
    found.failures.push(unreadable(file, "is not a regular file"));
    return;
  }
  const refused = distrust(file, { stat, ...judge });
  if (refused === null) found.manifests.push({ file, origin });
  else found.failures.push({ file, code: "permission", ...refused, plugin: null });
}

function strangeEnding(file: string): ManifestFailure {
  const message = `${file}: no manifest ends in ${extname(file)}.`;
  const hint = "Name it .ts, .mts, .cts, .js, .mjs, .cjs, .json, .yaml, .yml or .toml; put helpers into a folder.";
  return { file, code: "no-plugin", message, hint, plugin: null };
}

function unreadable(file: string, reason: string): ManifestFailure {
  return { file, code: "unreadable", message: `${file}: ${reason}.`, hint: null, plugin: null };
}
