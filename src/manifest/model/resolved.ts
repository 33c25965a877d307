/**
 * What the rest of dt reads: manifests validated, merged (defaults <- plugin <- command <- variant) and turned into
 * plain data with numbers for units. The index on disk holds this. No code in this file.
 */

/** A readiness probe with its numbers resolved; a discriminated union, so a missing case is a compile error. */
export type ResolvedProbe = (
  | { type: "http"; target: string; status: number | null }
  | { type: "port"; port: number | null }
  | { type: "log"; pattern: string }
  | { type: "exec"; argv: string[] }
  | { type: "delay"; ms: number }
  /** Not available in a manifest: a detached stack has been brought up. */
  | { type: "stack" }
) & { timeoutMs: number; intervalMs: number; startPeriodMs: number };

/** A liveness probe; its `timeoutMs` is for one attempt. */
export type ResolvedAlive = Exclude<ResolvedProbe, { type: "log" | "delay" | "stack" }> & {
  failures: number;
  action: "unhealthy" | "restart";
};

/** `limit` null: no limit. */
export interface RestartPolicy {
  policy: "no" | "on-failure" | "always";
  successCodes: number[];
  delayMs: number;
  maxDelayMs: number;
  jitter: number;
  resetAfterMs: number;
  limit: { count: number; windowMs: number } | null;
}

/** Paths stay as written; `run` is a full key. */
export interface ResolvedRestartOn {
  paths: string[];
  ignore: string[];
  debounceMs: number;
  run: string | null;
  cascade: boolean;
}

/** The settings of one variant of one command. Paths stay as written (relative to the root). */
export interface CommonSettings {
  description: string | null;
  /** Null for a `handler`. */
  run: string[] | string | null;
  cwd: string;
  env: Record<string, string | null>;
  envFile: string[];
  /** A cron expression. */
  schedule: string | null;
}

/** `log` null: in the run directory; `maxBytes` null: no limit; `pipe` absent: dt decides. */
interface LogSettings {
  log: string | null;
  logs: { keep: number; maxBytes: number | null; pipe?: boolean };
}

export type Condition = "started" | "ready" | "completed";

/** The key with its variant; `condition` null: the default for the needed command's kind. */
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

/** Paths as written; `project` null: derived from the root and the key. */
export interface ResolvedCompose {
  file: string;
  project: string | null;
  profiles: string[];
  env: Record<string, string | null>;
  services: string[];
  /** By toggle, the services that it leaves out. */
  toggles: Record<string, string[]>;
  /** Whether to replace the host ports that the file fixes with free ones. */
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

/** Paths as written; `run` is a full key; `target` true: the manifest's own function. */
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
  /**
   * One-shots of this plugin by the name of the daemon's command, and the one that adds to its status; keys with their
   * variants.
   */
  daemon: { commands: Record<string, string>; status: string | null };
}

/** Why a manifest yields no plugin. */
export interface ManifestFailure {
  /** Absolute path of the manifest, or of a refused directory. */
  file: string;
  /**
   * Stable reason: `syntax`, `throws`, `timeout`, `exits`, `invalid`, `duplicate`, `reserved`, `permission`,
   * `unreadable`, `graph`.
   */
  code: string;
  /** Whole sentences, after the position `file:line:column` if there is one. */
  message: string;
  hint: string | null;
  /** The plugin's name if that could be read, so `dt <name>` can say why it is missing. */
  plugin: string | null;
}

/** A manifest that is code in a root that this user does not trust: it was found but not evaluated. */
export interface UnreadManifest {
  /** Absolute. */
  file: string;
  origin: Exclude<ManifestOrigin, "binary">;
}

export interface ManifestIndex {
  /** The root of these manifests, for messages. */
  root?: string;
  plugins: Record<string, ResolvedPlugin>;
  failures: ManifestFailure[];
  unread: UnreadManifest[];
  /** Manifests that are loaded at each call; `why`, in words that follow "it", says what they do. Absent: none. */
  unkept?: { file: string; why: string }[];
  /** This is what was last known: some manifests that now exist are not in it. */
  isPartial?: true;
}
