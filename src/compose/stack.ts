/**
 * Turns a manifest's declaration into what is run: engine, project, environment, and the
 * services that toggles leave out.
 */

import { existsSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { DtError, EXIT } from "../sys/base/error.ts";
import { readText } from "../sys/files/fileread.ts";
import { mayConnect, type Peer, peerOf } from "../sys/net/peer.ts";
import type { Seal } from "../sys/seal/seal.ts";
import { bunSpawn } from "../sys/spawn/bunspawn.ts";
import { showCommand } from "../sys/text/shell.ts";
import { baseOf, downCommand, ENGINES, fileWord, servicesCommand, upCommand, wordsOf } from "./command.ts";
import { labelOf, listContainers } from "./containers.ts";
import { findEngine, likelyEngine } from "./engine.ts";
import { pastedLine } from "./pasted.ts";
import type { EngineName, Environment, Given, StackRecord } from "./types.ts";

/** As resolved from the manifest; paths as written. */
export interface Declared {
  file: string;
  project: string | null;
  profiles: string[];
  env: Record<string, string | null>;
  services: string[];
  toggles: Record<string, string[]>;
  movePorts: boolean;
}

export interface StackRequest {
  declared: Declared;
  root: string;
  key: string;
  /** Absolute. */
  cwd: string;
  /** Prepared, with COMPOSE_PROJECT_NAME. */
  env: Record<string, string>;
  given: Given;
  cache: string;
  /** The seal of the cache. */
  seal: Seal;
  /** Path for the file with other host ports. */
  movedFile: string;
  isFree: (port: number) => boolean;
  /** A dry run: the file may not exist yet, and toggles are then taken at their word. */
  dry: boolean;
  /**
   * Whether dt may run a program to learn what is in the file. False for a dry run in an untrusted project, which may
   * bring a `docker` of its own, or say where Docker takes its plugins from.
   */
  mayAsk: boolean;
  detach: boolean;
  recreate: boolean;
  /** Toggles that are off. */
  off: readonly string[];
  args: readonly string[];
  /** Called with each command line that runs, as it can be pasted where it runs. */
  onCommand: (line: string) => void;
  note: (text: string) => void;
}

export interface PreparedStack {
  up: string[];
  record: StackRecord;
  /** The environment that ending the stack needs besides the record; kept in the user's home. */
  kept: Environment;
}

type Tell = ((line: string) => void) | undefined;

/** Throws a DtError with the command line that failed and its output. */
export async function prepareStack(request: StackRequest): Promise<PreparedStack> {
  const { declared, root, key, cwd, env, off } = request;
  const file = fileWord(root, declared.file, cwd);
  const there = existsSync(resolve(root, declared.file));
  if (!there && !request.dry) {
    throw new DtError("compose-file", `${wordsOf(key)}: start: there is no file ${declared.file}.`, {
      status: EXIT.usage,
      hint: "Correct `compose.file` in the manifest, or name the command that writes it in `before`.",
    });
  }
  const asks = there && request.mayAsk;
  const engine = request.dry && !asks ? likelyEngine(env) : await foundEngine(request);
  if (!request.dry) await checkEngine(request, engine);
  const { profiles } = declared;
  const written = { engine, file, profiles };
  const used =
    declared.movePorts && asks ? { ...written, file: await withFreePorts(request, engine, baseOf(written)) } : written;
  if (declared.movePorts && there && !asks)
    request.note(
      "its host ports are chosen when it is started; a dry run shows them once you trust the project (dt trust)",
    );
  const base = baseOf(used);
  const without =
    off.length === 0 ? [] : asks ? await presentServices(request, engine, base) : servicesOf(declared, off);
  const { detach, recreate, args } = request;
  const services = declared.services.filter((name) => !without.includes(name));
  const up = upCommand(base, { detach, recreate, without, services, args });
  const project = env.COMPOSE_PROJECT_NAME as string;
  const record: StackRecord = { ...used, project, off: [...off], cwd };
  return { up, record: used === written ? record : { ...record, movedFrom: file }, kept: kept(request.env) };
}

async function foundEngine(request: StackRequest): Promise<EngineName> {
  try {
    return await findEngine({ ...request, onCommand: (argv) => request.onCommand(showCommand(argv)) });
  } catch (error) {
    if (!(error instanceof DtError)) throw error;
    throw new DtError(error.code, `${wordsOf(request.key)}: start: ${error.sentence}`, {
      lines: error.lines,
      status: error.status,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
}

/**
 * Reports an engine that does not answer, or denies this user access, in its client's
 * words, before anything is touched.
 */
async function checkEngine(request: StackRequest, engine: EngineName): Promise<void> {
  const { client } = ENGINES[engine];
  const argv = [client, "ps", "--quiet", "--filter", labelOf(request.env.COMPOSE_PROJECT_NAME as string)];
  if (Bun.which(client, { PATH: request.env.PATH ?? "" }) === null) return;
  // The client takes tens of milliseconds to say what the socket says at once.
  if (await isEngineThere(client, request.env)) return;
  request.onCommand(pastedLine(argv, engine, request.given));
  const { code, out, err } = await run(argv, request);
  // Any other failure of the client says nothing about the engine; Compose will.
  if (code === 0 || !/daemon|connect|permission|socket/i.test(err || out)) return;
  const hint = "Start the engine, or check that you may use it; DOCKER_HOST says where it is expected.";
  throw failed(request.key, "start", argv, code, err || out, hint);
}

/** Writes the file with other host ports. Returns it as a word of the command line. */
async function withFreePorts(request: StackRequest, engine: EngineName, base: string[]): Promise<string> {
  const { key, env, cwd, movedFile, isFree, dry, note } = request;
  const argv = [...base, "config"];
  request.onCommand(pastedLine(argv, engine, request.given));
  const { code, out, err } = await run(argv, request);
  if (code !== 0) throw failed(key, "start", argv, code, err || out);
  const { movePorts, readMoved, writeMoved } = await import("./ports.ts");
  const project = env.COMPOSE_PROJECT_NAME as string;
  // Ports that the stack's own containers may hold stay theirs.
  const mine = ((await listContainers({ engine, project }, env)) ?? []).length > 0;
  const known = readMoved(movedFile).filter(({ to }) => mine || isFree(to));
  const moved = await movePorts(out, project, known, isFree);
  for (const { service, target, from, to } of moved.ports) note(`${service} ${target}: port ${to} in place of ${from}`);
  if (!dry) writeMoved(movedFile, moved);
  return relative(cwd, movedFile);
}

/**
 * Whether the engine answers at its socket. Also false where it has no socket on this
 * machine, or belongs to another user.
 */
async function isEngineThere(client: string, env: Record<string, string>): Promise<boolean> {
  if (client !== "docker" || env.DOCKER_CONTEXT !== undefined) return false;
  const unix = /^unix:\/\/(\/.*)$/.exec(env.DOCKER_HOST ?? `unix://${DEFAULT_SOCKET}`)?.[1];
  if (unix === undefined || (env.DOCKER_HOST === undefined && hasContext(env))) return false;
  const theirs = { peer: null as Peer | null };
  try {
    const look = (socket: unknown) => {
      theirs.peer = peerOf((socket as { fd: number }).fd);
    };
    (await Bun.connect({ unix, socket: { open: look, data() {} } })).end();
    // The system's engine is root's, a rootless one this user's. About any other the client may say more.
    return mayConnect(theirs.peer);
  } catch {
    return false;
  }
}

const DEFAULT_SOCKET = "/var/run/docker.sock";

/** Whether a context may be chosen (`docker context use`), which says where the engine is. */
function hasContext({ DOCKER_CONFIG, HOME = "/" }: Record<string, string>): boolean {
  const config = readText(join(DOCKER_CONFIG ?? join(HOME, ".docker"), "config.json"));
  return config.is === "there" ? config.value.includes('"currentContext"') : config.is === "unreadable";
}

function servicesOf({ toggles }: Declared, off: readonly string[]): string[] {
  return off.flatMap((name) => toggles[name] ?? []);
}

/** Asks Compose which services exist: Compose 2 refuses to scale one that is not in the file. */
async function presentServices(request: StackRequest, engine: EngineName, base: string[]): Promise<string[]> {
  const { declared, off, key, note } = request;
  const argv = servicesCommand(base);
  request.onCommand(pastedLine(argv, engine, request.given));
  const { code, out, err } = await run(argv, request);
  if (code !== 0) throw failed(key, "start", argv, code, err || out);
  const there = new Set(out.split("\n").map((line) => line.trim()));
  return off.flatMap((toggle) => {
    const named = declared.toggles[toggle] ?? [];
    const found = named.filter((service) => there.has(service));
    const absent = named.filter((service) => !there.has(service));
    if (found.length === 0) note(`--no-${toggle} changes nothing: ${declared.file} has none of its services`);
    else if (absent.length > 0)
      note(`--no-${toggle} leaves out ${found.join(", ")}; ${declared.file} has no ${absent.join(", ")}`);
    return found;
  });
}

/**
 * Runs `down`, whatever the state of the stack. Once `hard` is aborted, containers get no
 * time to end. Throws `teardown`.
 */
export async function takeDown(
  stack: StackRecord,
  env: Environment,
  key: string,
  { hard, given, onCommand }: { hard?: AbortSignal | undefined; given?: Given | undefined; onCommand?: Tell },
): Promise<void> {
  const say = (argv: string[]) =>
    onCommand?.(pastedLine(argv, stack.engine, given ?? { project: stack.project, env: {}, files: [] }));
  const base = baseOf(stack);
  const place = { cwd: stack.cwd, env: { ...env, COMPOSE_PROJECT_NAME: stack.project } };
  const argv = downCommand(base, hard?.aborted === true);
  say(argv);
  let done = await run(argv, place, hard?.aborted ? undefined : hard);
  if (done.cut) {
    const now = downCommand(base, true);
    say(now);
    done = await run(now, place);
  }
  // Without its file (in a removed worktree, say) Compose can do nothing, but the engine still knows the containers.
  const fileIsGone = !existsSync(resolve(stack.cwd, stack.file));
  if (done.code !== 0 && !fileIsGone) throw failed(key, "stop", argv, done.code, done.err || done.out);
  await removeRest(stack, place, key, say);
}

/** Removes the containers that `down` left, since the file no longer names their service. */
async function removeRest(stack: StackRecord, place: Place, key: string, say: (argv: string[]) => void): Promise<void> {
  const left = await listContainers(stack, place.env);
  if (left === null || left.length === 0) return;
  const argv = [ENGINES[stack.engine].client, "rm", "--force", ...left.map(({ name }) => name)];
  say(argv);
  const { code, out, err } = await run(argv, place);
  if (code !== 0) throw failed(key, "stop", argv, code, err || out);
}

function failed(
  key: string,
  doing: "start" | "stop",
  argv: string[],
  code: number,
  words: string,
  hint?: string,
): DtError {
  const said = words.trim() === "" ? [] : words.trim().split("\n").slice(-SAID_LINES);
  return new DtError(
    doing === "stop" ? "teardown" : "compose",
    `${wordsOf(key)}: ${doing}: \`${argv.join(" ")}\` ended with code ${code}${said.length === 0 ? "." : ":"}`,
    {
      lines: said.map((line) => `  ${line}`),
      status: doing === "stop" ? EXIT.survivors : EXIT.failed,
      hint: hint ?? HINTS[doing],
    },
  );
}

const HINTS = {
  start: "Fix what Compose reports, then start it again.",
  stop: "Fix that and run the stop again; a missing variable can be set for that one call.",
};

const SAID_LINES = 10;

interface Place {
  cwd: string;
  env: Environment;
}

async function run(argv: string[], { env, cwd }: Place, cut?: AbortSignal) {
  const program = Bun.which(argv[0] as string, { PATH: env.PATH ?? "" });
  if (program === null) return { code: EXIT.notFound, out: "", err: `there is no ${argv[0]} in PATH`, cut: false };
  const child = bunSpawn([program, ...argv.slice(1)], {
    env,
    cwd: existsSync(cwd) ? cwd : "/",
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    // In a session of its own, so that Ctrl-C does not end the teardown that it requested.
    detached: true,
  });
  const kill = () => child.kill("SIGKILL");
  cut?.addEventListener("abort", kill, { once: true });
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  cut?.removeEventListener("abort", kill);
  return { code, out, err, cut: cut?.aborted === true };
}

/**
 * Variables of the launch itself, of its terminal, and those that dt adds for a readable log. PATH is that
 * of the dt that ends the stack.
 */
const NOT_KEPT =
  /^(PATH|PWD|OLDPWD|SHLVL|_|TERM|COLUMNS|LINES|FORCE_COLOR|CLICOLOR_FORCE|PYTHONUNBUFFERED|DIALTONE_(KEY|TOKEN|CWD|JOB|OWNER))$/;

/**
 * What ending it later needs: where the engine is, and every variable that the file, or a file it includes, asks for.
 * Only Compose knows those, so all are kept, as for every launch: in the user's home, where no other user reads them.
 */
function kept(env: Environment): Environment {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !NOT_KEPT.test(name)));
}
