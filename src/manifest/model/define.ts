/** What `@dialtone/dt` exports to manifests at run time. */
import type { Plugin } from "./types.ts";

/** Declares a plugin. Returns its argument; the types check it in an editor, the schema when it is loaded. */
export function definePlugin(plugin: Plugin): Plugin {
  return plugin;
}
