/** Finding things in an index. Pure. */
import type { ManifestFailure, ManifestIndex, Settings } from "./resolved.ts";

export interface Declared {
  key: string;
  plugin: string;
  settings: Settings;
}

/** Every command of every plugin, by its whole key. */
export function declaredIn({ plugins }: ManifestIndex): Declared[] {
  return Object.values(plugins).flatMap((plugin) =>
    Object.values(plugin.commands).flatMap((command) =>
      Object.entries(command.variants).map(([variant, settings]) => ({
        key: `${plugin.name}:${command.name}:${variant}`,
        plugin: plugin.name,
        settings,
      })),
    ),
  );
}

/** Why a plugin is not there: its own manifest's failure, by name or file, or that of a folder that was refused whole. */
export function findFailure(index: ManifestIndex, name: string): ManifestFailure | undefined {
  return (
    index.failures.find((one) => one.plugin === name) ??
    index.failures.find((one) => new RegExp(`/${RegExp.escape(name)}\\.\\w+$`).test(one.file)) ??
    index.failures.find((one) => /\/manifests$/.test(one.file))
  );
}
