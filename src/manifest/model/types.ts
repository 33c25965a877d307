/**
 * What a manifest author writes. These types are the documentation: each field states its unit and default, and the
 * JSON Schema and the reference take their sentences from here. No code in this file.
 *
 * All paths are relative to the project root (the folder that holds `manifests/`) unless they are absolute.
 */

/** A length of time: numbers with units, `"500ms"`, `"10s"`, `"1m30s"`, `"2h"`, `"3d"`. At most 24 days. */
export type Duration = string;

/** An amount of bytes: a number with a unit, `"512KB"`, `"50MB"`, `"2GB"` (powers of 1024), or `"none"` for no limit. */
export type Size = string;

/** A signal by its full name, e.g. `"SIGTERM"`. */
export type SignalName = string;

/** What to execute: an argument vector run as it is, or one string given to `sh -c`. */
export type Run = string[] | string;

/** One condition of readiness or liveness. Exactly one of the probe fields is set. */
export interface Probe {
  /** A path (`"/"`, asked where this launch listens on the command's port) or a whole URL that must answer. */
  http?: string;
  /** HTTP status that counts as ready. Default: any status from 200 to 399. */
  status?: number;
  /** `true`: a process of this launch listens on the command's own `port`, on whichever address; or a port number. */
  port?: true | number;
  /** A regular expression that must match this run's log (colour codes are ignored). */
  log?: string;
  /** A command that must exit 0, run in the command's directory and environment. What it leaves running is ended, but for `stop.spare`. */
  exec?: string[];
  /** A fixed time to wait. */
  delay?: Duration;
  /** How long this may take altogether, after the `startPeriod`. Default `"30s"`. */
  timeout?: Duration;
  /** Time between two tries. Default `"200ms"`; the first tries come faster. */
  interval?: Duration;
  /** Time after the start that does not count as part of `timeout`, for a slow start. It is tried meanwhile. Default `"0s"`. */
  startPeriod?: Duration;
}

/** One condition of liveness, asked as long as the command runs. Exactly one of `http`, `port` and `exec` is set. */
export interface AliveProbe {
  /** A path (`"/"`, asked where this launch listens on the command's port) or a whole URL that must answer. */
  http?: string;
  /** HTTP status that counts as alive. Default: any status from 200 to 399. */
  status?: number;
  /** `true`: a process of this launch listens on the command's own `port`, on whichever address; or a port number. */
  port?: true | number;
  /** A command that must exit 0, run in the command's directory and environment. What it leaves running is ended, but for `stop.spare`. */
  exec?: string[];
  /** Time between two tries, the first one included; at least `"100ms"`. Default `"10s"`. */
  interval?: Duration;
  /** How long one try may take. Default `"5s"`. */
  timeout?: Duration;
  /** Time after the start of the run in which a failed try does not count. Default `"0s"`. */
  startPeriod?: Duration;
  /** Failed tries in a row after which it is not alive. Default 3. */
  failures?: number;
  /** What happens then: it is shown as `unhealthy` until a try succeeds, or started again. Default `"unhealthy"`. */
  action?: "unhealthy" | "restart";
}

/** How often a policy may start a command again. */
export interface RestartLimit {
  /** Restarts made at most within `window`. Default 10. */
  count?: number;
  /** The time they are counted in. Default `"10m"`. */
  window?: Duration;
}

/** What happens when a command ends by itself. */
export interface RestartOptions {
  /** When it is started again: never, after a failure, or after any end. Default `"on-failure"`. */
  policy?: "no" | "on-failure" | "always";
  /** Exit codes that count as success. Default `[0]`. */
  successCodes?: number[];
  /** Time before the first restart; each further one in a row waits twice as long. At least `"100ms"`. Default `"1s"`. */
  delay?: Duration;
  /** The longest wait before a restart, `jitter` included. Default `"30s"`. */
  maxDelay?: Duration;
  /** Share of the wait, from 0 to 1, that is added at random, so that many do not start at one instant. Default 0.2. */
  jitter?: number;
  /** A run that lasts this long begins the row anew: the next wait is `delay` again. Default `"1m"`. */
  resetAfter?: Duration;
  /**
   * More restarts than `count` within `window` are not made: the command is then `failed`. Default 10 within `"10m"`; `"none"`: no limit.
   */
  limit?: RestartLimit | "none";
}

/** Files whose change restarts the command, while its host lives. */
export interface RestartOn {
  /** Files, directories (all below them counts) and glob patterns; the last one that names a file decides, and one with `!` leaves it out. */
  paths: string[];
  /** What is left out, in the syntax of `.gitignore`. What git ignores, `node_modules` and `.git` are left out anyway. Default none. */
  ignore?: string[];
  /** Quiet time after the last change before the restart. Default `"500ms"`. */
  debounce?: Duration;
  /** A one-shot to run first, `"<plugin>:<command>"`, variant optional. If it fails, there is no restart. Default none. */
  run?: string;
  /** Also restart what needs this command and runs, in order. Default `false`. */
  cascade?: boolean;
}

/** How earlier runs are kept. */
export interface LogOptions {
  /** Number of earlier runs kept beside the log (`.log.1` is the latest of them). Default 5. */
  keep?: number;
  /** Disk space one run may use; beyond it the oldest part of that run is released. Default `"none"`. */
  maxSize?: Size;
  /**
   * `true`: the output goes through a pipe to the log, which a program that opens `/dev/stderr` or its like again can then not cut; `false`: the log
   * itself is the output. Default: a pipe where `run`, or a script that it names, says such a name.
   */
  pipe?: boolean;
}

/** How a launch is stopped. */
export interface StopOptions {
  /** First signal. Default `"SIGTERM"`. */
  signal?: SignalName;
  /** Time given before what is left gets SIGKILL. Default `"10s"`. */
  timeout?: Duration;
  /**
   * Names of programs that a stop leaves alone, with all they started: the process's short name (`comm`), the file it was started by, or the
   * script or main class that an interpreter runs, e.g. `["adb", "GradleDaemon"]`. Default none.
   */
  spare?: string[];
}

/** What must be so before a command starts. */
export interface Need {
  /** The key, `"db:dev"`, variant optional. */
  key: string;
  /**
   * `"started"`: its process is there; `"ready"`: its probes hold, where it has none the same as started; `"completed"`: a one-shot ended
   * with 0. Default `"ready"` for a managed command, `"completed"` for a one-shot.
   */
  condition?: "started" | "ready" | "completed";
}

/** Fields that a plugin sets for all its commands, a command for its variants, and a variant for itself. */
export interface CommonFields {
  /** Working directory; a leading `~/` is the home. Default: the project root. */
  cwd?: string;
  /** Environment variables to set; `null` removes one. */
  env?: Record<string, string | null>;
  /** Files of `NAME=value` lines read before `env`; later files win. A missing file is an error unless its name ends in `?`; a leading `~/` is the home. */
  envFile?: string | string[];
}

/** Fields of a one-shot command that a variant may replace. */
export interface OneshotFields extends CommonFields {
  /** What to execute. Arguments given on the command line are appended; in a text they are `"$@"`, behind its last command where it does not name them. */
  run?: Run;
  /** Keep the output of each run in a log, beside showing it; dt then stays beside the command. Default `false`. */
  capture?: boolean;
  /** The log file of a captured run. Default: `<key>.log` in the run directory. */
  log?: string;
  /** How earlier captured runs and the log's size are kept. */
  logs?: LogOptions;
  /** What must be up, or done, first: keys, or keys with a condition. Default none. */
  needs?: (string | Need)[];
  /**
   * The files it works on: files, directories (all below counts) and glob patterns; one with `!` leaves out. Where it is needed, or named to `dt up`,
   * it is skipped while their content, its command, directory and declared environment are what they were when it last ended with 0. What cannot be
   * looked at, and a pattern that names no file, make it run. Default: never skipped.
   */
  inputs?: string[];
  /**
   * What it makes: files, directories and glob patterns. With `inputs`, it runs again when one of them is missing, is an empty directory, or was removed
   * and is another one by now. Default none.
   */
  outputs?: string[];
  /** When the daemon runs it, as cron writes it, in local time: `"0 3 * * *"`, with seconds `"30 * * * * *"`, or `"@daily"`. Default: never. */
  schedule?: string;
}

/** A stack of containers, run by Compose in place of a program. */
export interface ComposeOptions {
  /** The Compose file; a leading `~/` is the home. It may be written by what `before` names. */
  file: string;
  /** The project's name. Default: made of the root and the key, so that no two checkouts share one. */
  project?: string;
  /** Profiles to enable. Default none. */
  profiles?: string[];
  /** Variables for the file's interpolation, beside the command's own environment; `null` removes one. */
  env?: Record<string, string | null>;
  /** Only these services, and what they depend on. Default: all. */
  services?: string[];
  /** Flags that leave services out: `{ proxy: { services: ["traefik"] } }` makes `--no-proxy`. Services that the file has not are passed over. */
  toggles?: Record<string, Toggle>;
  /**
   * `"auto"`: host ports that the file fixes are given free ones, the same again for this root and key, so that two checkouts run side by side. The
   * file with them is `<key>.compose.yaml` in the run directory. Default: as the file says.
   */
  ports?: "auto";
}

/** What a flag `--no-NAME` leaves out. */
export interface Toggle {
  /** Services that are then not run. */
  services: string[];
}

/** Fields of a managed command that a variant may replace. */
export interface ManagedFields extends CommonFields {
  /** What to execute. Arguments given after `--` are appended; in a text they are `"$@"`, behind its last command where it does not name them. */
  run?: Run;
  /** A stack of containers, in place of `run`: `up` starts it, `down` stops it. */
  compose?: ComposeOptions;
  /** The port it serves on, exported as `PORT`; `"auto"`: a free one, stable for this root and key. Default none. */
  port?: number | "auto";
  /** When it counts as ready; of a list, all must hold. Default: as soon as it runs. */
  ready?: Probe | Probe[];
  /** The log file; a leading `~/` is the home, and its folder is made. Default: `<key>.log` in the run directory. */
  log?: string;
  /** How earlier runs and the log's size are kept. */
  logs?: LogOptions;
  /** How it is stopped. */
  stop?: StopOptions;
  /** `true`: the first signal goes to the whole tree; `false`: to the leader alone, the tree is swept at the timeout. Default `true`. */
  processGroup?: boolean;
  /** How it is known, once ready, that it still works; of a list, each is asked for itself. Default: it runs. */
  alive?: AliveProbe | AliveProbe[];
  /** Start it again when it ends by itself: a policy, or one with its numbers. Default `"no"`. */
  restart?: "no" | "on-failure" | "always" | RestartOptions;
  /** Restart it when files change. Default: never. */
  restartOn?: RestartOn;
  /** What must be up, or done, first: keys (`"db:dev"`, variant optional), or keys with a condition. Default none. */
  needs?: (string | Need)[];
  /** One-shots run one after the other before each start, reruns and restarts included; one that fails prevents it. Default none. */
  before?: string[];
  /**
   * Run it on a terminal of its own (PTY), for programs that want one: keys arrive, `dt attach` joins. dt's host keeps the terminal and writes
   * the log, so the command ends when its host is killed. Default `false`: input from `/dev/null`, and the log file itself as output.
   */
  tty?: boolean;
  /** The daemon starts it when it begins, in roots that were registered (`dt boot add`). Default `false`. */
  boot?: boolean;
  /** When the daemon starts it, anew where it runs, as cron writes it, in local time: `"0 3 * * *"`. Default: never. */
  schedule?: string;
}

/** What a plugin adds to the daemon's socket. */
export interface DaemonOptions {
  /**
   * Commands by name, each a one-shot of this plugin. It gets the request as JSON in `DIALTONE_REQUEST`, and what it prints as its last line is the
   * answer's `data`: JSON, or else text.
   */
  commands?: Record<string, string>;
  /**
   * A one-shot of this plugin that prints an object as JSON: its fields are added to the daemon's `status`. It is run when the daemon begins, and after
   * each job and command of this plugin.
   */
  status?: string;
}

/** What a job is run for. */
export interface Job {
  /** What it is to work on. */
  target: string;
  /** The files that changed, removed ones among them: relative to the root where they lie below it, else absolute. */
  paths: readonly string[];
  /** Who wants it. */
  source: "watcher" | "schedule" | "socket" | "command";
}

/** What a `handler` gets. */
export interface HandlerContext {
  /**
   * Runs a program with the command's environment and directory, connected to this terminal, and resolves when it
   * exits 0. Throws an `ExecError` (its `exitCode` is the program's, 128+n after signal n) otherwise; not caught, dt ends with that code.
   */
  exec(
    command: string,
    args?: readonly string[],
    options?: { cwd?: string; env?: Record<string, string> },
  ): Promise<void>;
  /** Prints to standard error, in the manner of dt's own messages. */
  log: {
    info(message: string): void;
    warn(message: string): void;
    error(message: string): void;
    success(message: string): void;
  };
  /** The prepared environment. */
  env: Record<string, string>;
  /** The project root, absolute. */
  root: string;
  /** The command's working directory, absolute. */
  cwd: string;
  /** The arguments given on the command line. */
  args: readonly string[];
  /** What it is run for by the daemon or `dt watch`; null when a person runs it. */
  job: Job | null;
  /**
   * Aborted by the first SIGINT, SIGTERM or SIGHUP; a second one ends dt at once. A handler that never asks for it is ended by the
   * first, as any program is. Afterwards the exit code is 128+n, unless the handler returns a number.
   */
  signal: AbortSignal;
}

/** Runs inside dt. A returned number is the exit code (0 to 255); nothing returned means 0, an error 1. What is still pending then is not waited for. */
export type Handler = (context: HandlerContext) => unknown;

/** A command that runs and ends; dt becomes it. */
export interface OneshotCommand extends OneshotFields {
  /** It runs and ends. */
  kind: "oneshot";
  /** One line for `dt list` and help. */
  description?: string;
  /** A function run inside dt, in place of `run`. */
  handler?: Handler;
  /** Named changes to this command, chosen by the word after it: `dt www build src_v2`. */
  variants?: Record<string, OneshotFields & { description?: string }>;
}

/** A command that keeps running under its key; running it again replaces it. */
export interface ManagedCommand extends ManagedFields {
  /** It keeps running under its key. */
  kind: "managed";
  /** One line for `dt list` and help. */
  description?: string;
  /** Named changes to this command, chosen by the word after it: `dt www dev src_v2`. */
  variants?: Record<string, ManagedFields & { description?: string }>;
}

export type Command = OneshotCommand | ManagedCommand;

/** Files to watch and the one-shot to run when they change; run by the daemon, or by `dt watch`. */
export interface Watch {
  /**
   * Files, directories and glob patterns, relative to the project root; also absolute, or from `~/`. The last one that names a file decides, and one with
   * `!` leaves it out.
   */
  paths: string[];
  /** What is left out, in the syntax of `.gitignore`. What git ignores, `node_modules` and dt's own files are left out anyway. Default none. */
  ignore?: string[];
  /** Quiet time after the last change before the job runs; what never is quiet waits ten times as long. Default `"500ms"`. */
  debounce?: Duration;
  /** The one-shot to run, `"<plugin>:<command>"`, variant optional. */
  run: string;
  /**
   * What the job works on, from the path: `{path}`, `{dir}`, `{name}`, `{stem}` and `{ext}` are replaced; or, in a TypeScript or JavaScript manifest, a
   * function. Changes of one target are one job, and no two of its jobs run at a time. Default: the whole path.
   */
  target?: string | TargetOf;
  /** Further tries of a job that failed; the first waits a second, each next one twice as long. Default 0. */
  retries?: number;
}

/** Gives the target of a path, or null for a path that is nobody's. The path is relative to the root where it lies below it, else absolute. */
export type TargetOf = (path: string) => string | null | undefined | Promise<string | null | undefined>;

/** One manifest: one plugin. */
export interface Plugin extends CommonFields {
  /** The first word after `dt`: letters, digits, `_`, `.`, `-`, at most 64, beginning with a letter or digit. */
  name: string;
  /** One line for `dt list` and help. */
  description?: string;
  /** The commands by name. */
  commands: Record<string, Command>;
  /** Names for what is brought up together, `dt up NAME`: lists of keys. Several plugins may add to one group; `default` is what `dt up` means. */
  groups?: Record<string, string[]>;
  /** Files to watch; the daemon runs these. */
  watch?: Watch[];
  /** What it adds to the daemon's socket, in roots that were registered. */
  daemon?: DaemonOptions;
}
