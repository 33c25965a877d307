/**
 * From a command's settings to what is executed: argument vector, directory, environment. Everything about them that
 * can be refused is refused here.
 */
import type { ResolvedNeed, Settings } from "../../manifest/model/resolved.ts";
import { DtError, EXIT } from "../../sys/base/error.ts";
import { privateBelow } from "../../sys/places/ownplace.ts";
import { checkWorkingDirectory } from "../../sys/spawn/executable.ts";
import { showCommand } from "../../sys/text/shell.ts";
import { KNOWN_MARK } from "../launch/marks.ts";
import type { Ground } from "../launch/types.ts";
import { type PreparedEnvironment, prepareEnvironment, resolveIn } from "./environment.ts";
import { neighboursOf } from "./neighbours.ts";
import { ensureShims, type ShimPlace } from "./shims.ts";

export interface PreparedCommand {
  argv: [string, ...string[]];
  cwd: string;
  environment: PreparedEnvironment;
}

/**
 * The argument vector: an array as it is, a string through `sh -c` with the added arguments as its `"$@"`: where the
 * text names them itself, else after its last command. Throws if they cannot be passed safely.
 */
export function buildArgv(run: string[] | string, args: readonly string[]): [string, ...string[]] {
  if (Array.isArray(run)) return [...run, ...args] as [string, ...string[]];
  return ["sh", "-c", args.length === 0 ? run : withArguments(run, args), "sh", ...args];
}

function withArguments(run: string, args: readonly string[]): string {
  // Loaded here: most commands are given no arguments, or are no shell text.
  const shelltext = require("./shelltext.ts") as typeof import("./shelltext.ts");
  const place = shelltext.placeArguments(run);
  if (place.is === "used") return run;
  if (place.is === "at") return `${run.slice(0, place.index)} "$@"${run.slice(place.index)}`;
  throw new DtError(
    "arguments",
    `The arguments ${showCommand(args)} cannot be passed to this \`run\` text: ${place.why}.`,
    {
      status: EXIT.usage,
      hint: 'Write "$@" in the text where they belong.',
    },
  );
}

export interface CommandRequest {
  ground: Pick<Ground, "root" | "home" | "self" | "store" | "reading" | "isStrange" | "owner">;
  settings: Settings;
  run: string[] | string;
  args: readonly string[];
  inherited: Record<string, string>;
  launch: { key: string; token: string; port: number | null; tty?: boolean } | null;
  needs?: readonly ResolvedNeed[];
  /** For a one-shot that a user runs: the user's current directory; null when it was removed. */
  from?: string | null;
  /** The value that the launch was started with; default: the ground's. */
  isStrange?: boolean | undefined;
  /** Only for comparison: nothing is written, so PATH may lack the shims. */
  looking?: boolean;
}

export function prepareCommand(request: CommandRequest): PreparedCommand {
  const { ground, settings } = request;
  const cwd = resolveIn(ground.root, settings.cwd);
  checkWorkingDirectory(cwd);
  const shims =
    request.looking === true
      ? null
      : ensureShims(shimPlaces(ground, request.inherited.TMPDIR), { self: ground.self, own: ground.home });
  const { reading, owner = null } = ground;
  const isStrange = request.isStrange ?? ground.isStrange ?? reading === "data";
  const isOfDaemon = reading === "known" && request.launch === null;
  const environment = prepareEnvironment({
    inherited: isOfDaemon ? { ...request.inherited, [KNOWN_MARK]: "1" } : request.inherited,
    owner,
    isStrange,
    ownFilesOnly: isStrange && reading === "known",
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

/** First `DIALTONE_HOME`, then the run directory, then a private place in the directory for temporary files. */
function shimPlaces(ground: Pick<Ground, "home" | "store">, temporary = "/tmp"): ShimPlace[] {
  const others = [() => ground.store.directory, () => privateBelow(temporary)];
  return ground.home === null ? others : [ground.home, ...others];
}
