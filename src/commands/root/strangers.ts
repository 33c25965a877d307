/**
 * A command of the user's own, run in a root that is not trusted, gets nothing of that root. If it declares that it
 * needs something of it (a command that one of the root's manifests declares, an environment file, a Compose file), it
 * is refused until `dt trust`: each of these decides what is run, a variable as much as a command. Files that the
 * command's program reads in its directory are that program's business.
 */
import { existsSync, realpathSync } from "node:fs";
import { resolve } from "node:path";
import { settingsOf } from "../../manifest/model/find.ts";
import type { ManifestIndex, Settings } from "../../manifest/model/resolved.ts";
import { DtError, EXIT } from "../../sys/base/error.ts";
import { shortPath } from "../../values/commandline.ts";
import { pluginOf, shortKey } from "../../values/key.ts";

/** Whether the user's own manifests declare it. */
export function isOfHome({ plugins }: ManifestIndex, key: string): boolean {
  return plugins[pluginOf(key)]?.origin === "home";
}

/** Throws `not-trusted` if the command, or one that dt runs for it, would use something of the root. */
export function refuseOfRoot({ plugins }: ManifestIndex, { root, key }: { root: string; key: string }): void {
  const seen = new Set<string>();
  const visit = (one: string) => {
    if (seen.has(one)) return;
    seen.add(one);
    const plugin = plugins[pluginOf(one)];
    if (plugin !== undefined && plugin.origin !== "home" && plugin.origin !== "binary")
      throw refusal(root, `${shortKey(key)} needs ${shortKey(one)}, a command`);
    const settings = settingsOf(plugins, one);
    if (settings === undefined) return; // its start reports that
    const file = filesOf(settings).find((path) => isWithin(root, path));
    if (file !== undefined)
      throw refusal(root, `${shortKey(one)} reads ${shortPath(root, resolve(root, file))}, a file`);
    for (const other of keysOf(settings)) visit(other);
  };
  visit(key);
}

function keysOf(settings: Settings): string[] {
  const needs = settings.needs.map((need) => need.key);
  if (settings.kind === "oneshot") return needs;
  const { before, restartOn } = settings;
  return [...needs, ...before, ...(restartOn?.run == null ? [] : [restartOn.run])];
}

/** The files that decide what is run. */
function filesOf(settings: Settings): string[] {
  const compose = settings.kind === "managed" && settings.compose !== null ? [settings.compose.file] : [];
  return [...settings.envFile.map((name) => name.replace(/\?$/, "")), ...compose];
}

/** A file that does not exist is not in the root. */
function isWithin(root: string, path: string): boolean {
  const file = resolve(root, path);
  const isBelow = (one: string) => one.startsWith(`${root}/`);
  return existsSync(file) && (isBelow(file) || isBelow(realpathSync(file)));
}

function refusal(root: string, what: string): DtError {
  return new DtError("not-trusted", `${what} of ${root}, and you never ran a command of this root.`, {
    status: EXIT.usage,
    hint: "`dt trust` trusts the root; then run it again.",
    details: { root },
  });
}
