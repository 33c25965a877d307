/** From what a manifest declares to what is run: engine, project, environment, and which services a toggle leaves out. */

import { existsSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { bunSpawn } from "../sys/bunspawn.ts";
import { DtError, EXIT } from "../sys/error.ts";
import { readText } from "../sys/files.ts";
import { mayConnect, type Peer, peerOf } from "../sys/peer.ts";
import type { Seal } from "../sys/seal.ts";
import { showCommand } from "../sys/shell.ts";
import { baseOf, downCommand, ENGINES, fileWord, servicesCommand, upCommand, wordsOf } from "./command.ts";
import { labelOf, listContainers } from "./containers.ts";
import { findEngine, likelyEngine } from "./engine.ts";
import { pastedLine } from "./pasted.ts";
import type { EngineName, Environment, Given, StackRecord } from "./types.ts";

/** As the manifest resolves it; paths as written. */
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
  /** Of the cache. */
  seal: Seal;
  /** Where the file with other host ports is to be. */
  movedFile: string;
  isFree: (port: number) => boolean;
  /** Only to tell what would be run: the file may not be there yet, and then the toggles are taken at their word. */
  dry: boolean;
  /**
   * Whether a program may be run to find out what the file has. Not for a dry run in a project that is not trusted: it may bring a `docker` of its
   * own, or say where Docker takes its plugins from.
   */
  mayAsk: boolean;
  detach: boolean;
  recreate: boolean;
  /** Toggles that are off. */
  off: readonly string[];
  args: readonly string[];
  /** Told of each command line that is run, as it can be pasted where it runs. */
  onCommand: (line: string) => void;
  note: (text: string) => void;
}

export interface PreparedStack {
  up: string[];
  record: StackRecord;
  /** What whoever ends it must have beside the record; kept in the user's home. */
  kept: Environment;
}

type Tell = ((line: string) => void) | undefined;

/** Throws one sentence with the command that was run and its own words. */
export async function prepareStack(request: StackRequest): Promise<PreparedStack> {
  const { declared, root, key, cwd, env, off } = request;
  const file = fileWord(root, declared.file, cwd);
  const there = existsSync(resolve(root, declared.file));
  if (!there && !request.dry) {
    throw new DtError("compose-file", `${wordsOf(key)}: start: there is no file ${declared.file}.`, {
      status: EXIT.usage,
      hint: "Correct `compose.file` in the manifest, or name what writes it in `before`.",
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
    request.note("its host ports are chosen when it is started, or shown when the project is trusted (dt trust)");
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

/** One that does not answer, or does not let this user in, is told in its client's words before anything is touched. */
async function checkEngine(request: StackRequest, engine: EngineName): Promise<void> {
  const { client } = ENGINES[engine];
  const argv = [client, "ps", "--quiet", "--filter", labelOf(request.env.COMPOSE_PROJECT_NAME as string)];
  if (Bun.which(client, { PATH: request.env.PATH ?? "" }) === null) return;
  // The client takes tens of milliseconds to say what its socket tells at once.
  if (await isEngineThere(client, request.env)) return;
  request.onCommand(pastedLine(argv, engine, request.given));
  const { code, out, err } = await run(argv, request);
  // A client that cannot be asked in this way says nothing of the engine: then Compose does.
  if (code === 0 || !/daemon|connect|permission|socket/i.test(err || out)) return;
  const hint = "Start the engine, or see whether you may use it; DOCKER_HOST says where it is looked for.";
  throw failed(request.key, "start", argv, code, err || out, hint);
}

/** The file that has other host ports, as a word. */
async function withFreePorts(request: StackRequest, engine: EngineName, base: string[]): Promise<string> {
  const { key, env, cwd, movedFile, isFree, dry, note } = request;
  const argv = [...base, "config"];
  request.onCommand(pastedLine(argv, engine, request.given));
  const { code, out, err } = await run(argv, request);
  if (code !== 0) throw failed(key, "start", argv, code, err || out);
  const { movePorts, readMoved, writeMoved } = await import("./ports.ts");
  const project = env.COMPOSE_PROJECT_NAME as string;
  // What its own containers hold by now is theirs again.
  const mine = ((await listContainers({ engine, project }, env)) ?? []).length > 0;
  const known = readMoved(movedFile).filter(({ to }) => mine || isFree(to));
  const moved = await movePorts(out, project, known, isFree);
  for (const { service, target, from, to } of moved.ports) note(`${service} ${target}: port ${to} in place of ${from}`);
  if (!dry) writeMoved(movedFile, moved);
  return relative(cwd, movedFile);
}

/** False also where the engine is not behind a socket of this machine, or is another user's. */
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
    // The system's engine is root's, a rootless one this user's. Of another one the client may say more.
    return mayConnect(theirs.peer);
  } catch {
    return false;
  }
}

const DEFAULT_SOCKET = "/var/run/docker.sock";

/** A context that was chosen once (`docker context use`) says where the engine is. */
function hasContext({ DOCKER_CONFIG, HOME = "/" }: Record<string, string>): boolean {
  const config = readText(join(DOCKER_CONFIG ?? join(HOME, ".docker"), "config.json"));
  return config.is === "there" ? config.value.includes('"currentContext"') : config.is === "unreadable";
}

function servicesOf({ toggles }: Declared, off: readonly string[]): string[] {
  return off.flatMap((name) => toggles[name] ?? []);
}

/** Compose 2 refuses to scale a service that is not in the file, so it is asked which there are. */
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

/** `down`, whatever the state of the stack. `hard`: containers get no time, from then on. Throws `teardown`. */
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
  // Without its file (a worktree that was removed, say) Compose can do nothing; the engine knows the containers all the same.
  const fileIsGone = !existsSync(resolve(stack.cwd, stack.file));
  if (done.code !== 0 && !fileIsGone) throw failed(key, "stop", argv, done.code, done.err || done.out);
  await removeRest(stack, place, key, say);
}

/** What the file does not name any more is no service that `down` knows. */
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
  start: "See what Compose says of the file.",
  stop: "When that is mended, run the stop again; a variable that is missing can be set for that one call.",
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
    // Of its own session, so that a Ctrl-C does not end the teardown that it asked for.
    detached: true,
  });
  const kill = () => child.kill("SIGKILL");
  cut?.addEventListener("abort", kill, { once: true });
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  cut?.removeEventListener("abort", kill);
  return { code, out, err, cut: cut?.aborted === true };
}

/** Of the launch itself, of its terminal, and what dt adds for a file that people read. PATH is that of whoever ends it. */
const NOT_KEPT =
  /^(PATH|PWD|OLDPWD|SHLVL|_|TERM|COLUMNS|LINES|FORCE_COLOR|CLICOLOR_FORCE|PYTHONUNBUFFERED|DIALTONE_(KEY|TOKEN|CWD|JOB|OWNER))$/;

/**
 * What whoever ends it later must have: where the engine is, and whatever the file asks for, by itself or in another file that it takes in. Only
 * Compose knows what that is, so all is kept, as it is of every launch: in the user's home, where nobody else reads it.
 */
function kept(env: Environment): Environment {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !NOT_KEPT.test(name)));
}
