/**
 * What the rest of dt reads: manifests validated, merged (defaults <- plugin <- command <- variant) and turned into
 * plain data with numbers for units. This is what the index on disk holds. No code in this file.
 */

/** A readiness probe with its numbers resolved; a discriminated union, so a missing case is a compile error. */
export type ResolvedProbe = (
  | { type: "http"; target: string; status: number | null }
  | { type: "port"; port: number | null }
  | { type: "log"; pattern: string }
  | { type: "exec"; argv: string[] }
  | { type: "delay"; ms: number }
  /** Not to be written in a manifest: a detached stack has been brought up. */
  | { type: "stack" }
) & { timeoutMs: number; intervalMs: number; startPeriodMs: number };

/** A probe of liveness; its `timeoutMs` is for one try. */
export type ResolvedAlive = Exclude<ResolvedProbe, { type: "log" | "delay" | "stack" }> & {
  failures: number;
  action: "unhealthy" | "restart";
};

/** `limit` null: none. */
export interface RestartPolicy {
  policy: "no" | "on-failure" | "always";
  successCodes: number[];
  delayMs: number;
  maxDelayMs: number;
  jitter: number;
  resetAfterMs: number;
  limit: { count: number; windowMs: number } | null;
}

/** Paths stay as written; `run` is a whole key. */
export interface ResolvedRestartOn {
  paths: string[];
  ignore: string[];
  debounceMs: number;
  run: string | null;
  cascade: boolean;
}

/** What one variant of one command resolves to. Paths stay as written (relative to the root). */
export interface CommonSettings {
  description: string | null;
  /** null for a `handler`. */
  run: string[] | string | null;
  cwd: string;
  env: Record<string, string | null>;
  envFile: string[];
  /** As cron writes it. */
  schedule: string | null;
}

/** `log` null: in the run directory; `maxBytes` null: no limit; without `pipe`: as it seems best. */
interface LogSettings {
  log: string | null;
  logs: { keep: number; maxBytes: number | null; pipe?: boolean };
}

export type Condition = "started" | "ready" | "completed";

/** The key with its variant; `condition` null: what the kind of the needed command says. */
export interface ResolvedNeed {
  key: string;
  condition: Condition | null;
}

export interface OneshotSettings extends CommonSettings, LogSettings {
  kind: "oneshot";
  handler: boolean;
  capture: boolean;
  needs: ResolvedNeed[];
  /** Null: not declared, so it always runs. */
  inputs: string[] | null;
  /** What it makes; null: not declared. */
  outputs: string[] | null;
}

/** Paths as written; `project` null: made of root and key. */
export interface ResolvedCompose {
  file: string;
  project: string | null;
  profiles: string[];
  env: Record<string, string | null>;
  services: string[];
  /** Services by the toggle that leaves them out. */
  toggles: Record<string, string[]>;
  /** Whether host ports that the file fixes are given free ones. */
  movePorts: boolean;
}

export interface ManagedSettings extends CommonSettings, LogSettings {
  kind: "managed";
  /** Empty with `compose`. */
  run: string[] | string;
  compose: ResolvedCompose | null;
  port: number | "auto" | null;
  ready: ResolvedProbe[];
  stop: { signal: string; timeoutMs: number; spare: string[] };
  processGroup: boolean;
  alive: ResolvedAlive[];
  restart: RestartPolicy;
  restartOn: ResolvedRestartOn | null;
  needs: ResolvedNeed[];
  /** Keys with their variants. */
  before: string[];
  tty: boolean;
  boot: boolean;
}

export type Settings = OneshotSettings | ManagedSettings;

export interface ResolvedCommand {
  name: string;
  kind: "oneshot" | "managed";
  description: string | null;
  /** Settings by variant name; `default` is always there. */
  variants: Record<string, Settings>;
}

export type ManifestOrigin = "root" | "home" | "package" | "binary";

/** Paths as written; `run` is a whole key; `target` true: the manifest's own function. */
export interface ResolvedWatch {
  paths: string[];
  ignore: string[];
  debounceMs: number;
  run: string;
  target: string | true | null;
  retries: number;
}

export interface ResolvedPlugin {
  name: string;
  description: string | null;
  /** Absolute path of the manifest, or `binary:<name>`. */
  file: string;
  origin: ManifestOrigin;
  commands: Record<string, ResolvedCommand>;
  /** Lists of keys with their variants. */
  groups: Record<string, string[]>;
  watch: ResolvedWatch[];
  /** One-shots of this plugin by the name of the daemon's command, and the one that adds to its status; keys with their variants. */
  daemon: { commands: Record<string, string>; status: string | null };
}

/** Why a manifest is not there. */
export interface ManifestFailure {
  /** Absolute path of the manifest (or of the directory that was refused). */
  file: string;
  /** Stable reason: `syntax`, `throws`, `timeout`, `exits`, `invalid`, `duplicate`, `reserved`, `permission`, `unreadable`, `graph`. */
  code: string;
  /** Whole sentences; the position `file:line:column` is in front where there is one. */
  message: string;
  hint: string | null;
  /** The plugin's name if it got that far, so `dt <name>` can say why it is missing. */
  plugin: string | null;
}

/** A manifest that is code of a root whose code this user never ran: it was found, and nothing of it was evaluated. */
export interface UnreadManifest {
  /** Absolute. */
  file: string;
  origin: Exclude<ManifestOrigin, "binary">;
}

export interface ManifestIndex {
  /** Whose manifests these are, for messages. */
  root?: string;
  plugins: Record<string, ResolvedPlugin>;
  failures: ManifestFailure[];
  unread: UnreadManifest[];
  /** Loaded at each call, and what of its evaluation is the reason, in words that follow "it". Absent: none. */
  unkept?: { file: string; why: string }[];
  /** Of what was known last: some that are there now were not read yet. */
  isPartial?: true;
}
