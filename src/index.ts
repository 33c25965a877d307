/**
 * What manifest authors import: `import { definePlugin } from "@dialtone/dt"`. Inside the binary this name resolves to
 * the same function, so a manifest needs no `node_modules`.
 */
export { definePlugin } from "./manifest/define.ts";

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
} from "./manifest/types.ts";
