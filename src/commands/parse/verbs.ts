/**
 * The verbs: reserved names, and what each does. A verb that is null is reserved and not in this version yet.
 * commands/loaders.ts loads each.
 */
import type { RESERVED_VERBS } from "../../manifest/model/reserved.ts";

export type VerbName = (typeof RESERVED_VERBS)[number];

export interface Verb {
  summary: string;
  /** How many words it takes at most. */
  maxWords: number;
  /** False: its output cannot be JSON, and `--json` is an error. */
  json?: false;
}

const MANY = Number.POSITIVE_INFINITY;

const TABLE = {
  ps: { summary: "List what runs, waits or has failed", maxWords: MANY },
  stop: { summary: "Stop launches and everything they started", maxWords: MANY },
  restart: { summary: "Restart launches", maxWords: MANY },
  logs: {
    summary: "Show what managed commands and captured one-shots wrote",
    maxWords: MANY,
  },
  status: {
    summary: "Show launches in detail; exit 3 when one does not run",
    maxWords: MANY,
  },
  attach: {
    summary: "Join the terminal of a launch (`tty: true`): see, type, leave with ctrl-]",
    maxWords: 3,
    json: false,
  },
  why: {
    summary: "Explain why something runs, does not run, waits or was stopped",
    maxWords: MANY,
  },
  init: {
    summary: "Make this directory a project; `dt init plugin NAME` starts a plugin from a template",
    maxWords: 2,
  },
  list: {
    summary: "List plugins, commands and variants, and the manifests that failed to load",
    maxWords: 0,
  },
  doctor: {
    summary: "Check locks, records, directories, manifests and this system; --fix repairs what is safe",
    maxWords: 0,
  },
  schema: { summary: "Print the JSON Schema of a manifest", maxWords: 0 },
  version: { summary: "Print version and commit", maxWords: 0 },
  help: { summary: "Explain dt, a verb or a plugin", maxWords: 1, json: false },
  up: {
    summary: "Start groups, plugins or keys with all they need, under one host",
    maxWords: MANY,
  },
  down: {
    summary: "Stop launches in reverse order of needs; without names all of the root",
    maxWords: MANY,
  },
  wait: {
    summary: "Wait until launches are ready, have ended, or are stopped",
    maxWords: MANY,
  },
  port: {
    summary: "Show which process listens on a port; without a port, the ports of this root's launches",
    maxWords: 1,
  },
  gc: {
    summary: "List launches whose owner, root or manifest is gone, in all roots; --yes stops them",
    maxWords: 0,
  },
  add: null,
  import: null,
  export: null,
  daemon: {
    summary: "Start, stop and install the daemon: jobs, schedules, start at boot, a socket",
    maxWords: 1,
  },
  boot: {
    summary: "Register roots with the daemon: add, remove, list",
    maxWords: 2,
  },
  watch: {
    summary: "Run the jobs of watched files in the foreground, without the daemon",
    maxWords: MANY,
  },
  jobs: {
    summary: "List what the daemon and `dt watch` ran, and what is due; with an id, its output",
    maxWords: 1,
  },
  trust: {
    summary: "Trust the code of this root, or of the root that contains DIR; --list shows the trusted roots",
    maxWords: 1,
  },
  untrust: {
    summary: "Stop trusting a root, and discard what dt cached of its code",
    maxWords: 1,
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
    summary: "Forget how launches ended, so that they are no longer listed; living launches are left alone",
    maxWords: MANY,
  },
} as const satisfies Record<VerbName, Verb | null>;

export const VERBS: Readonly<Record<VerbName, Verb | null>> = TABLE;

/** A verb that this version has. */
export type PresentVerb = { [Name in VerbName]: (typeof TABLE)[Name] extends null ? never : Name }[VerbName];

export function isVerb(word: string): word is VerbName {
  return Object.hasOwn(VERBS, word);
}

export function isPresent(name: VerbName): name is PresentVerb {
  return VERBS[name] !== null;
}
