/** Plugins inside the binary; a manifest of the same name replaces one. */
import { definePlugin } from "../model/define.ts";
import type { ResolvedPlugin } from "../model/resolved.ts";
import type { Plugin } from "../model/types.ts";
import { resolvePlugin } from "./resolve.ts";

const BUILTINS: Plugin[] = [
  definePlugin({
    name: "bun",
    description: "Bun: the project's own, or the one inside dt",
    commands: {
      exec: { kind: "oneshot", description: "Run bun with these arguments: dt bun exec --version", run: ["bun"] },
    },
  }),
  definePlugin({
    name: "go",
    description: "The Go toolchain of this machine",
    commands: {
      exec: { kind: "oneshot", description: "Run go with these arguments: dt go exec version", run: ["go"] },
    },
  }),
];

export function resolveBuiltins(): ResolvedPlugin[] {
  return BUILTINS.map((plugin) => {
    const { plugin: resolved, issues } = resolvePlugin(plugin, { file: `binary:${plugin.name}`, origin: "binary" });
    if (issues.length > 0) throw new Error(`the built-in plugin ${plugin.name} is invalid: ${issues[0]?.message}`);
    return resolved;
  });
}
