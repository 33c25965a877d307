/** How each verb is loaded: when it is run, and no other with it. */
import type { CommandDef } from "citty";
import type { PresentVerb } from "./verbs.ts";

// biome-ignore lint/suspicious/noExplicitAny: citty types a command by its own arguments, this table holds all of them
export type VerbCommand = CommandDef<any>;

export const LOADERS: Readonly<Record<PresentVerb, () => Promise<{ default: VerbCommand }>>> = {
  ps: () => import("./ps.ts"),
  stop: () => import("./stop.ts"),
  restart: () => import("./restart.ts"),
  logs: () => import("./logs.ts"),
  status: () => import("./status.ts"),
  attach: () => import("./attach.ts"),
  why: () => import("./why.ts"),
  init: () => import("./init.ts"),
  list: () => import("./list.ts"),
  doctor: () => import("./doctor.ts"),
  schema: () => import("./schema.ts"),
  version: () => import("./version.ts"),
  up: () => import("./up.ts"),
  down: () => import("./down.ts"),
  wait: () => import("./wait.ts"),
  port: () => import("./port.ts"),
  gc: () => import("./gc.ts"),
  daemon: () => import("./daemon.ts"),
  boot: () => import("./boot.ts"),
  watch: () => import("./watch.ts"),
  jobs: () => import("./jobs.ts"),
  trust: () => import("./trust.ts"),
  untrust: () => import("./untrust.ts"),
  clear: () => import("./clear.ts"),
  help: () => import("./helpverb.ts"),
};
