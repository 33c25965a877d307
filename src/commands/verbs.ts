/** The verbs: reserved names, what each does, and how it is loaded. One that is null is reserved but not there yet. */
import type { CommandDef } from "citty";
import type { RESERVED_VERBS } from "../manifest/reserved.ts";

export type VerbName = (typeof RESERVED_VERBS)[number];

export interface Verb {
  summary: string;
  /** How many words it takes at the most. */
  maxWords: number;
  /** False: it shows nothing that could be JSON, and `--json` is an error. */
  json?: false;
  // biome-ignore lint/suspicious/noExplicitAny: citty types a command by its own arguments, this table holds all of them
  load(): Promise<{ default: CommandDef<any> }>;
}

const MANY = Number.POSITIVE_INFINITY;

export const VERBS: Record<VerbName, Verb | null> = {
  ps: { summary: "List what runs, waits or has failed", maxWords: MANY, load: () => import("./ps.ts") },
  stop: { summary: "Stop launches and everything they started", maxWords: MANY, load: () => import("./stop.ts") },
  restart: { summary: "Start launches anew", maxWords: MANY, load: () => import("./restart.ts") },
  logs: {
    summary: "Show what managed commands and captured one-shots wrote",
    maxWords: MANY,
    load: () => import("./logs.ts"),
  },
  status: {
    summary: "Show launches in detail; exit 3 when one does not run",
    maxWords: MANY,
    load: () => import("./status.ts"),
  },
  attach: {
    summary: "Join the terminal of a launch (`tty: true`): see, type, leave with ctrl-]",
    maxWords: 3,
    json: false,
    load: () => import("./attach.ts"),
  },
  why: {
    summary: "Explain why something runs, does not run, waits or was stopped",
    maxWords: MANY,
    load: () => import("./why.ts"),
  },
  init: {
    summary: "Make this directory a project; `dt init plugin NAME` starts a plugin from a template",
    maxWords: 2,
    load: () => import("./init.ts"),
  },
  list: {
    summary: "List plugins, commands, variants and manifests that failed",
    maxWords: 0,
    load: () => import("./list.ts"),
  },
  doctor: {
    summary: "Check locks, records, directories, manifests and this system; --fix repairs what is safe",
    maxWords: 0,
    load: () => import("./doctor.ts"),
  },
  schema: { summary: "Print the JSON Schema of a manifest", maxWords: 0, load: () => import("./schema.ts") },
  version: { summary: "Print version and commit", maxWords: 0, load: () => import("./version.ts") },
  help: { summary: "Explain dt, a verb or a plugin", maxWords: 1, json: false, load: () => import("./helpverb.ts") },
  up: {
    summary: "Start groups, plugins or keys with all they need, by one host",
    maxWords: MANY,
    load: () => import("./up.ts"),
  },
  down: {
    summary: "Stop launches in reverse order of needs; without names all of the root",
    maxWords: MANY,
    load: () => import("./down.ts"),
  },
  wait: {
    summary: "Wait until launches are ready, have ended, or are stopped",
    maxWords: MANY,
    load: () => import("./wait.ts"),
  },
  port: {
    summary: "Say who listens on a port; without one, the ports of this root's launches",
    maxWords: 1,
    load: () => import("./port.ts"),
  },
  gc: {
    summary: "List launches whose owner, root or manifest is gone, in all roots; --yes stops them",
    maxWords: 0,
    load: () => import("./gc.ts"),
  },
  add: null,
  import: null,
  export: null,
  daemon: {
    summary: "Start, stop and install the daemon: jobs, schedules, start at boot, a socket",
    maxWords: 1,
    load: () => import("./daemon.ts"),
  },
  boot: {
    summary: "Register roots with the daemon: add, remove, list",
    maxWords: 2,
    load: () => import("./boot.ts"),
  },
  watch: {
    summary: "Run the jobs of watched files in the foreground, without the daemon",
    maxWords: MANY,
    load: () => import("./watch.ts"),
  },
  jobs: {
    summary: "List what the daemon and `dt watch` ran, and what is due; with an id, its output",
    maxWords: 1,
    load: () => import("./jobs.ts"),
  },
  trust: {
    summary: "Trust the code of this root, or of a directory's; --list shows what is trusted",
    maxWords: 1,
    load: () => import("./trust.ts"),
  },
  untrust: {
    summary: "Trust a root no longer, and forget what its code came to",
    maxWords: 1,
    load: () => import("./untrust.ts"),
  },
  completions: null,
  mcp: null,
  top: null,
  stats: null,
  events: null,
  ui: null,
  tui: null,
  hook: null,
  scale: null,
  agents: null,
  "trust-ca": null,
  clear: {
    summary: "Forget how launches ended, so that they are no longer listed; what lives is left alone",
    maxWords: MANY,
    load: () => import("./clear.ts"),
  },
};

export function isVerb(word: string): word is VerbName {
  return Object.hasOwn(VERBS, word);
}
