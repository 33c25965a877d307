/**
 * The types of `@dialtone/dt`: what a manifest may hold, and what a plugin's own programs may use. Made by
 * `bun run generate`; a test fails when it is stale.
 *
 * All paths in a manifest are relative to the project root (the folder that holds `manifests/`) unless they are
 * absolute.
 */

/** A duration: numbers with units, `"500ms"`, `"10s"`, `"1m30s"`, `"2h"`, `"3d"`. At most 24 days. */
export type Duration = string;

/** A size in bytes: a number with a unit, `"512KB"`, `"50MB"`, `"2GB"` (powers of 1024), or `"none"` for no limit. */
export type Size = string;

/** A signal by its full name, e.g. `"SIGTERM"`. */
export type SignalName = string;

/** What to execute: an argument vector, run without a shell, or one string, passed to `sh -c`. */
export type Run = string[] | string;

/** One readiness condition. Set exactly one of `http`, `port`, `log`, `exec` and `delay`. */
export interface Probe {
  /** What must answer: a path (`"/"`, requested where this launch listens on the command's port) or a full URL. */
  http?: string;
  /** HTTP status that counts as ready. Default: any status from 200 to 399. */
  status?: number;
  /** A process of this launch must listen, on any address: `true` for the command's own `port`, or a port number. */
  port?: true | number;
  /** A regular expression that must match this run's log (colour codes are ignored). */
  log?: string;
  /**
   * A command that must exit 0, run with the command's working directory and environment. Processes that it leaves
   * running are killed, except those that `stop.spare` names.
   */
  exec?: string[];
  /** A fixed time to wait. */
  delay?: Duration;
  /** The longest this may take in total, counted from the end of `startPeriod`. Default `"30s"`. */
  timeout?: Duration;
  /** Time between two attempts. Default `"200ms"`; the first attempts come faster. */
  interval?: Duration;
  /** Time for a slow start, before `timeout` begins to count. Attempts are made meanwhile. Default `"0s"`. */
  startPeriod?: Duration;
}

/** One liveness condition, checked as long as the command runs. Set exactly one of `http`, `port` and `exec`. */
export interface AliveProbe {
  /** What must answer: a path (`"/"`, requested where this launch listens on the command's port) or a full URL. */
  http?: string;
  /** HTTP status that counts as alive. Default: any status from 200 to 399. */
  status?: number;
  /** A process of this launch must listen, on any address: `true` for the command's own `port`, or a port number. */
  port?: true | number;
  /**
   * A command that must exit 0, run with the command's working directory and environment. Processes that it leaves
   * running are killed, except those that `stop.spare` names.
   */
  exec?: string[];
  /** Time between two attempts, and before the first one; at least `"100ms"`. Default `"10s"`. */
  interval?: Duration;
  /** The longest one attempt may take. Default `"5s"`. */
  timeout?: Duration;
  /** Time after the start of the run in which a failed attempt does not count. Default `"0s"`. */
  startPeriod?: Duration;
  /** Failed attempts in a row after which the command is not alive. Default 3. */
  failures?: number;
  /** What to do then: show it as `unhealthy` until an attempt succeeds, or restart it. Default `"unhealthy"`. */
  action?: "unhealthy" | "restart";
}

/** How often a policy may restart a command. */
export interface RestartLimit {
  /** The most restarts within `window`. Default 10. */
  count?: number;
  /** The time in which restarts are counted. Default `"10m"`. */
  window?: Duration;
}

/** What happens when a command ends by itself. */
export interface RestartOptions {
  /** When to restart: never, after a failure, or whenever it ends. Default `"on-failure"`. */
  policy?: "no" | "on-failure" | "always";
  /** Exit codes that count as success. Default `[0]`. */
  successCodes?: number[];
  /** Wait before the first restart; doubles with each further one in a row. At least `"100ms"`. Default `"1s"`. */
  delay?: Duration;
  /** The longest wait before a restart, `jitter` included. Default `"30s"`. */
  maxDelay?: Duration;
  /** Largest random addition to a wait, as a fraction of it (0 to 1), so many do not start at once. Default 0.2. */
  jitter?: number;
  /** After a run that lasts this long, the next wait is `delay` again. Default `"1m"`. */
  resetAfter?: Duration;
  /**
   * After `count` restarts within `window`, dt does not restart the command again and it is `failed`. Default: 10
   * within `"10m"`; `"none"`: no limit.
   */
  limit?: RestartLimit | "none";
}

/** Files whose change restarts the command, while its host lives. */
export interface RestartOn {
  /**
   * Files, directories (with everything below them) and glob patterns. The last one that matches a file decides; one
   * that begins with `!` excludes it.
   */
  paths: string[];
  /** What to exclude, in `.gitignore` syntax, besides what git ignores, `node_modules` and `.git`. Default none. */
  ignore?: string[];
  /** Quiet time after the last change before the restart. Default `"500ms"`. */
  debounce?: Duration;
  /** A one-shot to run first, `"<plugin>:<command>"`, variant optional. If it fails, nothing restarts. Default none. */
  run?: string;
  /** Also restart the running commands that need this one, in order. Default `false`. */
  cascade?: boolean;
}

/** How earlier runs are kept. */
export interface LogOptions {
  /** Number of earlier runs kept beside the log (`.log.1` is the latest of them). Default 5. */
  keep?: number;
  /** Disk space one run may use; beyond it the oldest part of that run is released. Default `"none"`. */
  maxSize?: Size;
  /**
   * `true`: the output reaches the log through a pipe, so a program that reopens `/dev/stderr` or the like cannot
   * truncate the log; `false`: the log file itself is the output. Default: a pipe if `run`, or a script that it names,
   * contains such a path.
   */
  pipe?: boolean;
}

/** How a launch is stopped. */
export interface StopOptions {
  /** First signal. Default `"SIGTERM"`. */
  signal?: SignalName;
  /** Time between that signal and SIGKILL for the processes that remain. Default `"10s"`. */
  timeout?: Duration;
  /**
   * Names of programs that a stop leaves alone, with everything they started. A name is the process's short name
   * (`comm`), the file it was started from, or the script or main class that an interpreter runs, e.g. `["adb",
   * "GradleDaemon"]`. Default none.
   */
  spare?: string[];
}

/** What must hold before a command starts. */
export interface Need {
  /** The key, `"db:dev"`, variant optional. */
  key: string;
  /**
   * `"started"`: its process runs; `"ready"`: its `ready` probes succeeded, or it started and has none; `"completed"`:
   * a one-shot exited with 0. Default `"ready"` for a managed command, `"completed"` for a one-shot.
   */
  condition?: "started" | "ready" | "completed";
}

/** Fields that a plugin sets for all its commands, a command for its variants, and a variant for itself. */
export interface CommonFields {
  /** Working directory; a leading `~/` is your home directory. Default: the project root. */
  cwd?: string;
  /** Environment variables to set; `null` removes one. */
  env?: Record<string, string | null>;
  /**
   * Files of `NAME=value` lines, read before `env`; later files win. A missing file is an error unless its name here
   * ends in `?`. A leading `~/` is your home directory.
   */
  envFile?: string | string[];
}

/** Fields of a one-shot command that a variant may replace. */
export interface OneshotFields extends CommonFields {
  /**
   * What to execute. Arguments given on the command line are appended. In a string they are `"$@"`; if the string does
   * not use that, they are passed to its last command.
   */
  run?: Run;
  /** Keep the output of each run in a log as well as showing it; dt then stays beside the command. Default `false`. */
  capture?: boolean;
  /** The log file of a captured run. Default: `<key>.log` in the run directory. */
  log?: string;
  /** How many earlier captured runs to keep, and how much disk space a run may use. */
  logs?: LogOptions;
  /** What must be running, or done, first: keys or keys with a condition. Default none. */
  needs?: (string | Need)[];
  /**
   * What it reads: files, directories (with everything below them) and glob patterns; one that begins with `!`
   * excludes. As a need, or named to `dt up`, the command is skipped while their content and its command line,
   * directory and declared environment are as they were when it last exited with 0. An input that cannot be read, or a
   * pattern that matches no file, makes it run. Default: never skipped.
   */
  inputs?: string[];
  /**
   * What it makes: files, directories and glob patterns. With `inputs`, the command runs again if one of them is
   * missing, is an empty directory, or has been removed and created again since. Default none.
   */
  outputs?: string[];
  /**
   * When the daemon runs it: a cron expression in local time, `"0 3 * * *"`, with seconds `"30 * * * * *"`, or
   * `"@daily"`. Default: never.
   */
  schedule?: string;
}

/** A stack of containers, run by Compose in place of a program. */
export interface ComposeOptions {
  /** The Compose file; a leading `~/` is your home directory. A one-shot named in `before` may write it. */
  file: string;
  /** The Compose project name. Default: derived from the root and the key, so no two checkouts share one. */
  project?: string;
  /** Profiles to enable. Default none. */
  profiles?: string[];
  /** Variables for interpolation in the file, in addition to the command's own environment; `null` removes one. */
  env?: Record<string, string | null>;
  /** Run only these services and the ones they depend on. Default: all. */
  services?: string[];
  /**
   * Flags that leave services out: `{ proxy: { services: ["traefik"] } }` adds `--no-proxy`. Services that the file
   * does not have are skipped.
   */
  toggles?: Record<string, Toggle>;
  /**
   * `"auto"`: replaces the host ports that the file fixes with free ones, stable for this root and key, so two
   * checkouts can run side by side. The resulting file is `<key>.compose.yaml` in the run directory. Default: the ports
   * in the file.
   */
  ports?: "auto";
}

/** What a flag `--no-NAME` leaves out. */
export interface Toggle {
  /** Services that the flag leaves out. */
  services: string[];
}

/** Fields of a managed command that a variant may replace. */
export interface ManagedFields extends CommonFields {
  /**
   * What to execute. Arguments given after `--` are appended. In a string they are `"$@"`; if the string does not use
   * that, they are passed to its last command.
   */
  run?: Run;
  /** A stack of containers, in place of `run`: `up` starts it, `down` stops it. */
  compose?: ComposeOptions;
  /** The port it serves on, exported as `PORT`; `"auto"`: a free one, kept while it stays free. Default none. */
  port?: number | "auto";
  /** When it counts as ready; in a list, all must hold. Default: as soon as it runs. */
  ready?: Probe | Probe[];
  /**
   * The log file; a leading `~/` is your home directory. A missing folder is created. Default: `<key>.log` in the run
   * directory.
   */
  log?: string;
  /** How many earlier runs to keep, and how much disk space a run may use. */
  logs?: LogOptions;
  /** How it is stopped. */
  stop?: StopOptions;
  /**
   * `true`: the first signal goes to the whole tree; `false`: to the leader alone, and the rest is swept at the
   * timeout. Default `true`.
   */
  processGroup?: boolean;
  /**
   * How to tell, once it is ready, that it still works; each probe of a list is checked by itself. Default: it runs.
   */
  alive?: AliveProbe | AliveProbe[];
  /** Restart it when it ends by itself: a policy, or a policy with its limits. Default `"no"`. */
  restart?: "no" | "on-failure" | "always" | RestartOptions;
  /** Restart it when files change. Default: never. */
  restartOn?: RestartOn;
  /**
   * What must be running, or done, first: keys (`"db:dev"`, variant optional) or keys with a condition. Default none.
   */
  needs?: (string | Need)[];
  /**
   * One-shots to run in order before each start, reruns and restarts too; if one fails, nothing starts. Default none.
   */
  before?: string[];
  /**
   * Run it on a terminal of its own (PTY), for programs that want one: keys arrive, `dt attach` joins. dt's host keeps
   * the terminal and writes the log, so the command ends when its host is killed. Default `false`: input from
   * `/dev/null`, and the log file itself as output.
   */
  tty?: boolean;
  /** Start it when the daemon starts, in registered roots (`dt boot add`). Default `false`. */
  boot?: boolean;
  /**
   * When the daemon starts it, or restarts it if it runs: a cron expression in local time, `"0 3 * * *"`. Default:
   * never.
   */
  schedule?: string;
}

/** What a plugin adds to the daemon's socket. */
export interface DaemonOptions {
  /**
   * Commands by name, each a one-shot of this plugin. The one-shot gets the request as JSON in `DIALTONE_REQUEST`. The
   * last line it prints is the `data` of the answer: JSON, or else text.
   */
  commands?: Record<string, string>;
  /**
   * A one-shot of this plugin that prints a JSON object, whose fields are added to the daemon's `status`. It runs when
   * the daemon starts, and after each job and command of this plugin.
   */
  status?: string;
}

/** What a job runs for. */
export interface Job {
  /** What the job works on. */
  target: string;
  /** The files that changed, removed ones included: relative to the root if they are below it, else absolute. */
  paths: readonly string[];
  /** What started the job. */
  source: "watcher" | "schedule" | "socket" | "command";
}

/** The argument of a `handler`. */
export interface HandlerContext {
  /**
   * Runs a program with the command's environment and directory, connected to this terminal, and resolves when it exits
   * 0. Otherwise it throws an `ExecError`, whose `exitCode` is the program's (128+n after signal n); if nothing catches
   * it, dt exits with that code.
   */
  exec(
    command: string,
    args?: readonly string[],
    options?: { cwd?: string; env?: Record<string, string> },
  ): Promise<void>;
  /** Prints to standard error, in the style of dt's own messages. */
  log: {
    info(message: string): void;
    warn(message: string): void;
    error(message: string): void;
    success(message: string): void;
  };
  /** The command's environment, as dt prepared it. */
  env: Record<string, string>;
  /** The project root, absolute. */
  root: string;
  /** The command's working directory, absolute. */
  cwd: string;
  /** The arguments given on the command line. */
  args: readonly string[];
  /** The job that the daemon or `dt watch` runs it for; null when a user runs it. */
  job: Job | null;
  /**
   * Aborted by the first SIGINT, SIGTERM or SIGHUP; a second one ends dt at once. A handler that never reads this field
   * is ended by the first signal, as any program is. After a signal the exit code is 128+n, unless the handler returns
   * a number.
   */
  signal: AbortSignal;
}

/**
 * Runs inside dt. A returned number is the exit code (0 to 255); returning nothing means 0, an error means 1. dt does
 * not wait for what is still pending then.
 */
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
   * Files, directories and glob patterns, relative to the project root, absolute, or from `~/`. The last one that
   * matches a file decides; one that begins with `!` excludes it.
   */
  paths: string[];
  /**
   * What to exclude, in `.gitignore` syntax, besides what git ignores, `node_modules` and dt's own files. Default none.
   */
  ignore?: string[];
  /**
   * Quiet time after the last change before the job runs; if changes never pause, it runs after ten times this. Default
   * `"500ms"`.
   */
  debounce?: Duration;
  /** The one-shot to run, `"<plugin>:<command>"`, variant optional. */
  run: string;
  /**
   * What the job works on: a template in which `{path}`, `{dir}`, `{name}`, `{stem}` and `{ext}` stand for the changed
   * path and its parts, or, in a TypeScript or JavaScript manifest, a function. Changes with the same target are one
   * job, and no two jobs of a target run at the same time. Default: the whole path.
   */
  target?: string | TargetOf;
  /** How often a failed job is retried: first after a second, then after twice as long each time. Default 0. */
  retries?: number;
}

/**
 * Returns the target of a changed path, or null to ignore the path. The path is relative to the root if it is below it,
 * else absolute.
 */
export type TargetOf = (path: string) => string | null | undefined | Promise<string | null | undefined>;

/** One manifest: one plugin. */
export interface Plugin extends CommonFields {
  /** The first word after `dt`: at most 64 letters, digits, `_`, `.` and `-`, beginning with a letter or digit. */
  name: string;
  /** One line for `dt list` and help. */
  description?: string;
  /** The commands by name. */
  commands: Record<string, Command>;
  /**
   * Lists of keys that `dt up NAME` starts together, by name. Several plugins may add to one group; a bare `dt up`
   * means `default`.
   */
  groups?: Record<string, string[]>;
  /** Files to watch, and what the daemon runs when they change. */
  watch?: Watch[];
  /** What it adds to the daemon's socket, in registered roots. */
  daemon?: DaemonOptions;
}

/** Options of a local web server. */
export interface LocalServerOptions {
  /** The port, a number or its digits; 0: the system chooses a free one. Default 0. */
  port?: number | string;
  /**
   * Answers a request that was let through. An error that it throws is written to standard error, and answered with
   * 500.
   */
  fetch(request: Request): Response | Promise<Response>;
  /** The methods that are allowed. Default `["GET", "HEAD"]`. */
  methods?: string[];
  /**
   * Whether an address is a page that another site may link to. Such a page must do nothing but show itself, because
   * any site can make a browser ask for it. Default: only `/`.
   */
  isPage?(pathname: string): boolean;
  /**
   * The Content-Security-Policy of every answer. Default: nothing from elsewhere; scripts and styles only from files of
   * this server.
   */
  policy?: string;
}

/** A running server. */
export interface LocalServer {
  port: number;
  /** `http://localhost:<port>/` */
  url: string;
  /** Drops open connections and resolves when the sockets are closed. */
  close(): Promise<void>;
}

/** What stays unchanged in text that is made visible. */
export interface VisibleOptions {
  /** Whether line feeds and tabs stay. Default `false`: the text then becomes one line. */
  lines?: boolean;
}

/** What is known about a file without opening it. */
export interface FileFacts {
  /** In bytes. */
  size: number;
  mtimeMs: number;
  dev: number;
  ino: number;
  mode: number;
  uid: number;
  nlink: number;
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}

/** How a file is written. */
export interface WithinWriteOptions {
  /** Mode of a new file. Default 0666 less the umask. An existing file keeps its own. */
  mode?: number;
  /** Whether missing directories above it are made. Default `false`. */
  directories?: boolean;
  /**
   * Whether a file with further names (hard links) is replaced; the other names keep the old content. Default `false`:
   * it is refused.
   */
  linked?: boolean;
}

/**
 * The files below a folder, and no others. A link that leads out of the folder is refused, one that stays inside is
 * followed. A pipe, a device, a socket and a directory are refused without blocking. Each refusal is an error whose
 * message is a sentence.
 */
export interface Within {
  /** The folder's real path. */
  folder: string;
  /** Facts about the file of this name; a link is not followed. Null: there is none. */
  stat(path: string): FileFacts | null;
  /** A descriptor for reading a regular file; the caller closes it. Null: there is no such file. */
  open(path: string): number | null;
  /**
   * The bytes of a regular file; null: there is no such file. A file of more than `most` bytes is refused. Default 16
   * MiB.
   */
  bytes(path: string, most?: number): Uint8Array<ArrayBuffer> | null;
  /** The same as text; a file that is not UTF-8 is refused. */
  read(path: string, most?: number): string | null;
  /** Writes a file whole: first under a name that cannot be guessed, then renamed. Another user's file is refused. */
  write(path: string, content: string | Uint8Array, options?: WithinWriteOptions): void;
  /** Removes a file; false: there was none. Of a link, the link itself is removed, not its target. */
  remove(path: string): boolean;
  /** The names in a directory, sorted; empty when there is no such directory. */
  names(path?: string): string[];
}

/** Declares a plugin. Returns its argument; the types check it in an editor, the schema when it is loaded. */
export function definePlugin(plugin: Plugin): Plugin;

/** Serves pages to this machine's browser only. Throws an Error (`code`, a sentence) when the port is unavailable. */
export function serveLocal(options: LocalServerOptions): LocalServer;

/** Shows control characters, bidi overrides and invisible characters, so that text cannot pass for what it is not. */
export function visible(text: string, options?: VisibleOptions): string;

/** JSON with the same characters escaped: safe to print, the same value when parsed. `indent`: spaces, default 2. */
export function visibleJson(value: unknown, indent?: number): string;

/** The files below a folder, and no others. Throws when there is no such folder. */
export function within(folder: string): Within;
