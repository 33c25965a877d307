/**
 * From what was asked to what will be executed: argument vector, directory, environment, port, log. All that can be refused is
 * refused here, before an old launch is touched.
 */
import { join } from "node:path";
import { checkLogPath } from "../logs/open.ts";
import type { ResolvedNeed, Settings } from "../manifest/resolved.ts";
import { sha256 } from "../sys/digest.ts";
import { DtError, EXIT } from "../sys/error.ts";
import { checkDirectory, findExecutable } from "../sys/executable.ts";
import { privateBelow } from "../sys/ownplace.ts";
import { ensureShims } from "../sys/shims.ts";
import { type PreparedEnvironment, prepareEnvironment, resolveIn } from "./environment.ts";
import { neighboursOf } from "./neighbours.ts";
import { choosePort } from "./port.ts";
import type { PortClaim } from "./portclaim.ts";
import { KNOWN_MARK } from "./selfenv.ts";
import { prepareStackLaunch, type StackLaunch, withoutManner, withStack } from "./stack.ts";
import type { Ground, LaunchSpec, Report } from "./types.ts";

export interface PreparedCommand {
  argv: [string, ...string[]];
  cwd: string;
  environment: PreparedEnvironment;
}

export interface PreparedLaunch extends PreparedCommand {
  token: string;
  /** Of a stack; what is executed is then not always `argv`, which is what is told. */
  stack: StackLaunch | null;
  port: number | null;
  claim: PortClaim | null;
  url: string | null;
  log: string;
  /** True for a log outside the run directory, which is as readable as a shell would make it. */
  ownLog: boolean;
  specHash: string;
}

/**
 * The argument vector: an array as it is, a string through `sh -c`, with the added arguments as its `"$@"`: where it names
 * them itself, else at its end, which is the last line's (a comment there would swallow them).
 */
export function buildArgv(run: string[] | string, args: readonly string[]): [string, ...string[]] {
  if (Array.isArray(run)) return [...run, ...args] as [string, ...string[]];
  const appended = args.length > 0 && !usesArguments(run);
  return ["sh", "-c", appended ? `${run.trimEnd()} "$@"` : run, "sh", ...args];
}

/** Whether a shell would put arguments in; what is in single quotes or escaped (`awk '{ print $1 }'`) is not for the shell. */
function usesArguments(script: string): boolean {
  const plain = script.replace(/\\.|'[^']*'|"(?:\\.|[^"\\])*"/gs, (part) =>
    part.startsWith('"') ? part.replace(/\\./gs, "") : "",
  );
  return /\$[@*#1-9]|\$\{[@*#1-9]/.test(plain);
}

export interface CommandRequest {
  ground: Pick<Ground, "root" | "home" | "self" | "store" | "reading" | "owner">;
  settings: Settings;
  run: string[] | string;
  args: readonly string[];
  inherited: Record<string, string>;
  launch: { key: string; token: string; port: number | null; tty?: boolean } | null;
  needs?: readonly ResolvedNeed[];
  /** Of a one-shot that a person runs: the directory they are in. */
  from?: string;
  /** Only to compare: nothing is written, so the PATH may lack the shims. */
  looking?: boolean;
}

export function prepareCommand(request: CommandRequest): PreparedCommand {
  const { ground, settings } = request;
  const cwd = resolveIn(ground.root, settings.cwd);
  checkDirectory(cwd);
  const shims =
    request.looking === true
      ? null
      : ensureShims(shimPlaces(ground, request.inherited.TMPDIR), ground.self, ground.home);
  const { reading, owner = null } = ground;
  const isOfDaemon = reading === "known" && request.launch === null;
  const environment = prepareEnvironment({
    inherited: isOfDaemon ? { ...request.inherited, [KNOWN_MARK]: "1" } : request.inherited,
    owner,
    isStrange: reading === "data",
    root: ground.root,
    cwd,
    envFile: settings.envFile,
    env: settings.env,
    shims,
    launch: request.launch,
    from: request.from ?? null,
    neighbours: request.needs === undefined || request.needs.length === 0 ? {} : neighboursOf(ground, request.needs),
  });
  return { argv: buildArgv(request.run, request.args), cwd, environment };
}

/** The user's home of dt, then the run directory, then a private place in the directory for temporary files. */
function* shimPlaces(ground: Pick<Ground, "home" | "store">, temporary = "/tmp"): Generator<string> {
  if (ground.home !== null) yield ground.home;
  const others = [() => ground.store.directory, () => privateBelow(temporary)];
  for (const place of others) {
    try {
      yield place();
    } catch {
      // not to be had or not to be trusted: the next one
    }
  }
}

/** `dry`: only to tell what would be started, though what runs before it has not. */
export async function prepareLaunch(
  ground: Ground,
  spec: LaunchSpec,
  report: Report = () => {},
  { dry = false } = {},
): Promise<PreparedLaunch> {
  const { settings, key } = spec;
  if (dry && settings.compose !== null && ground.reading === "data") throw notAsked(key);
  const token = crypto.randomUUID().replaceAll("-", "");
  const { port, claim } = await choosePort(ground, key, settings.port);
  const plain = prepareCommand({
    ground,
    settings: settings.compose === null ? settings : withStack(ground.root, key, settings, settings.compose),
    run: settings.run,
    args: spec.args,
    inherited: spec.env,
    launch: { key, token, port, tty: settings.tty },
    needs: settings.needs,
  });
  const stack =
    settings.compose === null ? null : await prepareStackLaunch(ground, spec, settings.compose, plain, report, dry);
  const command = stack === null ? plain : { ...plain, argv: stack.up };
  findExecutable(command.argv[0], command.environment.env.PATH ?? "", command.cwd);
  const log = settings.log === null ? ground.store.path(key, "log") : resolveIn(ground.root, settings.log);
  if (settings.log !== null) checkLogPath(log);
  return {
    ...command,
    token,
    stack,
    port,
    claim,
    url: port === null ? null : `http://localhost:${port}`,
    log,
    ownLog: settings.log === null,
    specHash: hashSpec(
      { ...command, argv: stack === null ? command.argv : withoutManner(stack.up) },
      port,
      settings.tty,
    ),
  };
}

/** Compose is asked with the environment that the manifest says, which may make it run anything. */
function notAsked(key: string): DtError {
  return new DtError(
    "not-trusted",
    `What ${key} would run is asked of Compose in the manner that its manifest says, and you never ran a command of this root.`,
    {
      status: EXIT.usage,
      hint: "`dt trust` trusts the root; then ask again.",
    },
  );
}

/** What `--ensure` and drift compare: resolved command, directory, declared environment, port, and whether it has a terminal. */
export function hashSpec({ argv, cwd, environment }: PreparedCommand, port: number | null, tty = false): string {
  const declared = Object.entries(environment.declared).sort(([a], [b]) => (a < b ? -1 : 1));
  return sha256(JSON.stringify([argv, cwd, declared, port, ...(tty ? ["tty"] : [])])).slice(0, 32);
}

/** Where errors of detached hosts go: what they cannot tell a caller that has gone. */
export function hostErrorFile(ground: Pick<Ground, "store">): string {
  return join(ground.store.directory, "host.err");
}
