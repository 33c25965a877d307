/** What `@dialtone/dt` gives to manifests at run time. */
import type { Plugin } from "./types.ts";

/** Declares a plugin. Returns its argument; the types do the work in an editor, the schema at load. */
export function definePlugin(plugin: Plugin): Plugin {
  return plugin;
}
