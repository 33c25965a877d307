/**
 * The environment of every command, prepared here and nowhere else:
 *
 *   inherited <- ports of its needs <- `.env` files the manifest names <- the manifest's `env` <- dt's own
 *
 * dt's own: DIALTONE_ROOT, PATH and a correct PWD for all; DIALTONE_CWD for a one-shot; for a managed launch
 * DIALTONE_KEY, DIALTONE_TOKEN, PORT, PYTHONUNBUFFERED and colour hints, since its standard output is a file that is
 * read on a terminal. NODE_PATH only if the project has a Bun of its own, which comes before the shim that would set
 * it.
 */
import { existsSync, statSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { distrust } from "../../manifest/discover/trust.ts";
import { detectCi } from "../../output/ci.ts";
import { DtError, EXIT } from "../../sys/base/error.ts";
import { statOf } from "../../sys/base/stat.ts";
import { readText } from "../../sys/files/fileread.ts";
import { FIRST_MARK, HOST_MARK } from "../launch/marks.ts";
import { modulesOf } from "./shims.ts";

export interface EnvironmentRequest {
  inherited: Record<string, string>;
  root: string;
  /** Absolute. */
  cwd: string;
  envFile: readonly string[];
  env: Readonly<Record<string, string | null>>;
  /** The folder of the shims, if they could be made. */
  shims: string | null;
  /** For a managed launch. */
  launch: { key: string; token: string; port: number | null; tty?: boolean } | null;
  /** For a one-shot: the directory that dt was called from; file names in its arguments are relative to it. */
  from?: string | null;
  /** The other user who was accepted as the root's owner. Default: none. */
  owner?: number | null;
  /** The root is not trusted, and the command does not come from it: no directory of the root is put on PATH. */
  isStrange?: boolean;
  /**
   * The daemon runs it in a root that is not trusted: environment files of the root are refused, whichever manifest
   * names them.
   */
  ownFilesOnly?: boolean;
  /** Ports and addresses of its needs. */
  neighbours?: Readonly<Record<string, string>>;
}

export interface PreparedEnvironment {
  env: Record<string, string>;
  /** What the manifest and its files set or removed. */
  declared: Record<string, string | null>;
  /** What differs from the inherited environment, for `--dry-run`. */
  added: Record<string, string | null>;
  /** What the user should know about the files it was made from, as sentences without a full stop. */
  notes: readonly string[];
}

/** Variables that turn a Bun program into something else; a command that wants one sets it in its manifest. */
const NEVER_INHERITED = ["BUN_BE_BUN", HOST_MARK];

export function prepareEnvironment(request: EnvironmentRequest): PreparedEnvironment {
  const notes: string[] = [];
  const declared = { ...readEnvFiles(request, notes), ...request.env };
  const env: Record<string, string> = { ...request.inherited };
  for (const name of NEVER_INHERITED) delete env[name];
  if (env.PWD !== undefined && !isSameDirectory(env.PWD, request.cwd)) env.PWD = request.cwd;
  if (request.launch?.tty) Object.assign(env, terminalType(env));
  else if (request.launch !== null) Object.assign(env, outputHints(env));
  Object.assign(env, request.neighbours);
  for (const [name, value] of Object.entries(declared)) {
    if (value === null) delete env[name];
    else env[name] = value;
  }
  const bins = binsOf(request);
  env.PATH = preparePath({ shims: request.shims, bins, inherited: env.PATH });
  if (request.shims !== null && declared.NODE_PATH !== null && bins.some((bin) => existsSync(join(bin, "bun"))))
    env.NODE_PATH = addPath(env.NODE_PATH, modulesOf(request.shims));
  env.DIALTONE_ROOT = request.root;
  if (request.from == null) delete env.DIALTONE_CWD;
  else env.DIALTONE_CWD = request.from;
  if (request.launch !== null) {
    delete env[FIRST_MARK];
    env.DIALTONE_KEY = request.launch.key;
    env.DIALTONE_TOKEN = request.launch.token;
    if (request.launch.port !== null) env.PORT = String(request.launch.port);
  }
  return { env, declared, added: difference(request.inherited, env), notes };
}

/** A terminal of its own needs no hint except its type, which a detached start may not have inherited. */
function terminalType({ TERM }: Record<string, string>): Record<string, string> {
  return TERM === undefined || TERM === "" || TERM === "dumb" ? { TERM: "xterm-256color" } : {};
}

/** Standard output is a file, so programs would drop colours and buffer. The user's own choice is left alone. */
function outputHints(env: Record<string, string>): Record<string, string> {
  const hints: Record<string, string> = {};
  if (env.PYTHONUNBUFFERED === undefined) hints.PYTHONUNBUFFERED = "1";
  const chosen = ["NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE"].some((name) => env[name] !== undefined);
  if (!chosen && detectCi(env) === null) Object.assign(hints, { FORCE_COLOR: "1", CLICOLOR_FORCE: "1" });
  return hints;
}

/**
 * A shell would set PWD too. Programs that trust PWD (`$(PWD)` in a makefile) must not get the directory that dt was
 * called from. A path through a link is kept.
 */
function isSameDirectory(a: string, b: string): boolean {
  try {
    const [one, other] = [statSync(a), statSync(b)];
    return isAbsolute(a) && one.ino === other.ino && one.dev === other.dev;
  } catch {
    return false;
  }
}

const FALLBACK_PATH = "/usr/local/bin:/usr/bin:/bin";

/** The directories of the plugin's and the project's own programs, without those that another user can change. */
function binsOf(request: EnvironmentRequest): string[] {
  const { cwd, root, isStrange = false } = request;
  if (isStrange) return [];
  const bins = [...new Set([cwd, root])].map((place) => join(place, "node_modules", ".bin"));
  return bins.filter((bin) => isToBeRun(bin, request));
}

interface PathParts {
  shims: string | null;
  bins: readonly string[];
  inherited: string | undefined;
}

/** First the plugin's own programs, then the project's, then the shims, then the inherited PATH. */
function preparePath({ shims, bins, inherited }: PathParts): string {
  const before = [...bins, ...(shims === null ? [] : [shims])];
  // An empty PATH would otherwise become an empty entry, which means the current directory.
  const rest = (inherited || FALLBACK_PATH).split(":").filter((directory) => !before.includes(directory));
  return [...before, ...rest].join(":");
}

/** A user who can write there can put a program of any name ahead of all others. */
function isToBeRun(bin: string, request: EnvironmentRequest): boolean {
  const judge = { env: request.inherited, owner: request.owner ?? null };
  return [bin, dirname(bin)].every((path) => {
    const stat = statOf(path);
    return stat !== undefined && distrust(path, { stat, ...judge }) === null;
  });
}

/** Appends the directory: what the user or a manifest set comes first. */
function addPath(list: string | undefined, directory: string): string {
  const parts = (list ?? "").split(":").filter((one) => one !== "");
  return [...parts.filter((one) => one !== directory), directory].join(":");
}

/** A file whose name ends in `?` may be missing. Paths are relative to the root. */
function readEnvFiles(
  { root, envFile, inherited, owner = null, ownFilesOnly = false }: EnvironmentRequest,
  notes: string[],
): Record<string, string> {
  const values: Record<string, string> = {};
  for (const name of envFile) {
    const optional = name.endsWith("?");
    const file = resolveIn(root, optional ? name.slice(0, -1) : name);
    const stat = statOf(file);
    if (ownFilesOnly && stat !== undefined && file.startsWith(`${root}/`))
      throw new DtError("not-trusted", `${file} is not read: you have never run a command of ${root}.`, {
        status: EXIT.usage,
        hint: "`dt trust` there trusts it.",
      });
    const refused = stat === undefined ? null : distrust(file, { stat, env: inherited, owner });
    if (refused !== null)
      throw new DtError("bad-env-file", refused.message, { status: EXIT.usage, hint: refused.hint });
    const text = readText(file, "latin1");
    if (text.is === "absent" && optional) continue;
    if (text.is !== "there") {
      throw new DtError(
        "bad-env-file",
        `The environment file ${file} ${text.is === "absent" ? "does not exist" : `cannot be read: ${text.reason}`}.`,
        {
          status: EXIT.usage,
          hint:
            text.is === "absent"
              ? "Create it, or end its name in `envFile` with `?` if it may be missing."
              : "Check its permissions.",
        },
      );
    }
    // Loaded lazily: only if a manifest names such a file.
    const { readEnvFile } = require("./envfile.ts") as typeof import("./envfile.ts");
    const read = readEnvFile(Buffer.from(text.value, "latin1"));
    if ("fault" in read)
      throw new DtError("bad-env-file", `The environment file ${file} ${read.fault}.`, {
        status: EXIT.usage,
        hint: "Correct the file, or `envFile` in the manifest.",
      });
    Object.assign(values, read.values);
    if (read.note !== null) notes.push(`the environment file ${file} ${read.note}`);
  }
  return values;
}

export function resolveIn(root: string, path: string): string {
  return isAbsolute(path) ? path : resolve(root, path);
}

function difference(before: Record<string, string>, after: Record<string, string>): Record<string, string | null> {
  const changed: Record<string, string | null> = {};
  for (const [name, value] of Object.entries(after)) if (before[name] !== value) changed[name] = value;
  for (const name of Object.keys(before)) if (!(name in after)) changed[name] = null;
  return changed;
}
