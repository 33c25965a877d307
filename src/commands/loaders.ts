/** How each verb is loaded: only when it runs, and no other verb with it. */
import type { CommandDef } from "citty";
import type { PresentVerb } from "./parse/verbs.ts";

// biome-ignore lint/suspicious/noExplicitAny: citty types a command by its own arguments, this table holds all of them
export type VerbCommand = CommandDef<any>;

export const LOADERS: Readonly<Record<PresentVerb, () => Promise<{ default: VerbCommand }>>> = {
  ps: () => import("./verbs/ps.ts"),
  stop: () => import("./verbs/stop.ts"),
  restart: () => import("./verbs/restart.ts"),
  logs: () => import("./verbs/logs.ts"),
  status: () => import("./verbs/status.ts"),
  attach: () => import("./verbs/attach.ts"),
  why: () => import("./verbs/why.ts"),
  init: () => import("./verbs/init.ts"),
  list: () => import("./verbs/list.ts"),
  doctor: () => import("./verbs/doctor.ts"),
  schema: () => import("./verbs/schema.ts"),
  version: () => import("./verbs/version.ts"),
  up: () => import("./verbs/up.ts"),
  down: () => import("./verbs/down.ts"),
  wait: () => import("./verbs/wait.ts"),
  port: () => import("./verbs/port.ts"),
  gc: () => import("./verbs/gc.ts"),
  daemon: () => import("./verbs/daemon.ts"),
  boot: () => import("./verbs/boot.ts"),
  watch: () => import("./verbs/watch.ts"),
  jobs: () => import("./verbs/jobs.ts"),
  trust: () => import("./verbs/trust.ts"),
  untrust: () => import("./verbs/untrust.ts"),
  clear: () => import("./verbs/clear.ts"),
  help: () => import("./verbs/help.ts"),
};
