/**
 * Plans what `dt init plugin <name>` writes: the plugin `template` under another name, and what an editor needs for it.
 */
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { DtError, EXIT } from "../../sys/base/error.ts";
import { NAME_PATTERN, NAME_WORDS } from "../../values/key.ts";
import { isReservedVerb } from "../model/reserved.ts";
import type { ManifestIndex } from "../model/resolved.ts";
import { filesForManifests, filesForPlugin } from "./editor.ts";
import start from "./files.json" with { type: "json" };
import type { NewFile } from "./types.ts";

/** The name to replace in the copied files, which use this word for nothing else. */
const TEMPLATE = /\btemplate\b/g;

/**
 * All files to write. The plugin's own come first: of two calls with one name, the loser fails before it creates shared
 * files, which it would remove again. The manifest comes last: until it exists, the plugin does not count. Throws when
 * the plugin's folder or its manifest exists.
 */
export function planPlugin(root: string, name: string): NewFile[] {
  const rename = (text: string) => text.replace(TEMPLATE, () => name);
  const files = Object.entries(start.plugin).map(([path, text]) => ({ path: rename(path), text: rename(text) }));
  const manifest = files.pop() as NewFile;
  const folder = `plugins/${name}`;
  refuseExisting(root, [folder, manifest.path]);
  return [...filesForPlugin(root, folder), ...files, ...filesForManifests(root, start.types), manifest];
}

/** Throws unless a new plugin may have this name. */
export function checkPluginName(name: string, index: ManifestIndex): void {
  const refuse = (code: string, message: string, hint: string) => {
    throw new DtError(code, message, { status: EXIT.usage, hint, details: { name } });
  };
  if (!NAME_PATTERN.test(name))
    refuse("bad-name", `A plugin cannot be named ${JSON.stringify(name)}.`, `Expected ${NAME_WORDS}.`);
  if (/\.d$/i.test(name))
    refuse(
      "bad-name",
      `A plugin cannot be named "${name}".`,
      `${name}.ts would be a type declaration file, not a manifest.`,
    );
  if (isReservedVerb(name))
    refuse("bad-name", `"${name}" is taken by the built-in verb \`dt ${name}\`.`, "Give the plugin another name.");
  const there = Object.hasOwn(index.plugins, name) ? index.plugins[name] : undefined;
  if (there !== undefined)
    refuse(
      "exists",
      there.origin === "binary"
        ? `dt has a built-in plugin named "${name}".`
        : `A plugin named "${name}" already exists: ${there.file}`,
      `\`dt ${name}\` shows it. Give the new one another name.`,
    );
  const broken = index.failures.find((failure) => failure.plugin === name);
  if (broken !== undefined)
    refuse("exists", `A plugin named "${name}" already exists but failed to load: ${broken.file}`, broken.message);
}

/** An existing empty folder does no harm. */
function refuseExisting(root: string, paths: string[]): void {
  const there = paths.filter((path) => !isFree(join(root, path)));
  if (there.length === 0) return;
  const verb = there.length === 1 ? "exists" : "exist";
  throw new DtError("exists", `${there.join(" and ")} already ${verb} in ${root}; nothing was written.`, {
    status: EXIT.usage,
    hint: "Give the new plugin another name, or move the existing files away.",
    details: { root, paths: there },
  });
}

function isFree(path: string): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat === undefined || (stat.isDirectory() && readdirSync(path).length === 0);
}
