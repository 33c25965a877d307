/**
 * What manifest authors import: `import { definePlugin } from "@dialtone/dt"`. Inside the binary this name resolves to
 * this module, so a manifest needs no `node_modules`.
 */
import type { Plugin } from "./manifest/types.ts";

/** Declares a plugin. Returns its argument; the types do the work in an editor, the schema at load. */
export function definePlugin(plugin: Plugin): Plugin {
  return plugin;
}

export type {
  Command,
  CommonFields,
  Duration,
  Handler,
  HandlerContext,
  LogOptions,
  ManagedCommand,
  ManagedFields,
  OneshotCommand,
  OneshotFields,
  Plugin,
  Probe,
  Run,
  SignalName,
  Size,
  StopOptions,
  Watch,
} from "./manifest/types.ts";
