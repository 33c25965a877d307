/**
 * What authors import from `@dialtone/dt`: `definePlugin` in a manifest, the other functions in programs that a
 * plugin's commands run. Inside the binary the name resolves to the same functions, and dt brings them as a package to
 * the commands it starts (supervisor/prepare/shims.ts), so neither needs `node_modules`. Nothing here may load the code
 * that judges a manifest: each start of a plugin's program would pay for it.
 */
export { definePlugin } from "./manifest/model/define.ts";

export type {
  AliveProbe,
  Command,
  CommonFields,
  ComposeOptions,
  DaemonOptions,
  Duration,
  Handler,
  HandlerContext,
  Job,
  LogOptions,
  ManagedCommand,
  ManagedFields,
  Need,
  OneshotCommand,
  OneshotFields,
  Plugin,
  Probe,
  RestartLimit,
  RestartOn,
  RestartOptions,
  Run,
  SignalName,
  Size,
  StopOptions,
  TargetOf,
  Toggle,
  Watch,
} from "./manifest/model/types.ts";
export { serveLocal } from "./plugin/serve.ts";
export type {
  FileFacts,
  LocalServer,
  LocalServerOptions,
  VisibleOptions,
  Within,
  WithinWriteOptions,
} from "./plugin/types.ts";
export { visible, visibleJson } from "./plugin/visible.ts";
export { within } from "./plugin/within.ts";
