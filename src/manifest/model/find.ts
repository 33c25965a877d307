/** Finding things in an index. Pure. */
import { formatKey, keyParts } from "../../values/key.ts";
import type { ManifestFailure, ManifestIndex, ResolvedCommand, ResolvedPlugin, Settings } from "./resolved.ts";

export type Plugins = Record<string, ResolvedPlugin>;

export function commandOf(
  plugins: Plugins,
  { plugin, command }: { plugin: string; command: string },
): ResolvedCommand | undefined {
  return plugins[plugin]?.commands[command];
}

/** The settings of a whole key. */
export function settingsOf(plugins: Plugins, key: string): Settings | undefined {
  const { plugin, command, variant } = keyParts(key);
  return commandOf(plugins, { plugin, command })?.variants[variant];
}

/** The keys that a plugin's name stands for: its managed commands, each in its default variant. */
export function managedOf({ plugins }: Pick<ManifestIndex, "plugins">, name: string): string[] {
  const plugin = Object.hasOwn(plugins, name) ? plugins[name] : undefined;
  return Object.values(plugin?.commands ?? {}).flatMap((command) =>
    command.kind === "managed" ? [formatKey({ plugin: name, command: command.name })] : [],
  );
}

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
        key: formatKey({ plugin: plugin.name, command: command.name, variant }),
        plugin: plugin.name,
        settings,
      })),
    ),
  );
}

/**
 * Why a plugin is not there: the failure of its own manifest, found by name or file, or of a folder that was refused as
 * a whole.
 */
export function findFailure(index: ManifestIndex, name: string): ManifestFailure | undefined {
  return (
    index.failures.find((one) => one.plugin === name) ??
    index.failures.find((one) => new RegExp(`/${RegExp.escape(name)}\\.\\w+$`).test(one.file)) ??
    index.failures.find((one) => /\/manifests$/.test(one.file))
  );
}
