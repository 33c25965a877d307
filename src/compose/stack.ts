/**
 * Turns a manifest's declaration into what is run: engine, project, environment, and the services that toggles leave
 * out.
 */
import { existsSync } from "node:fs";
import { relative, resolve } from "node:path";
import { DtError, EXIT } from "../sys/base/error.ts";
import type { Seal } from "../sys/seal/seal.ts";
import { toggleFlag } from "../sys/text/flags.ts";
import { showCommand } from "../sys/text/shell.ts";
import { typedKey } from "../values/key.ts";
import { checkEngine } from "./answering.ts";
import { callCompose, composeError } from "./call.ts";
import { baseOf, configCommand, fileWord, servicesCommand, upCommand } from "./command.ts";
import { listContainers } from "./containers.ts";
import { findEngine, likelyEngine } from "./engine.ts";
import { pastedLine } from "./pasted.ts";
import type { DeclaredStack, EngineEnvironment, EngineName, Given, StackRecord } from "./types.ts";

export interface StackRequest {
  declared: DeclaredStack;
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
  kept: EngineEnvironment;
}

/** Throws a DtError with the command line that failed and its output. */
export async function prepareStack(request: StackRequest): Promise<PreparedStack> {
  const { declared, root, key, cwd, env, off } = request;
  const file = fileWord(root, { file: declared.file, cwd });
  const there = existsSync(resolve(root, declared.file));
  if (!there && !request.dry) {
    throw new DtError("compose-file", `${typedKey(key)}: start: there is no file ${declared.file}.`, {
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
    declared.movePorts && asks
      ? { ...written, file: await withFreePorts(request, { engine, base: baseOf(written) }) }
      : written;
  if (declared.movePorts && there && !asks)
    request.note(
      "its host ports are chosen when it is started; a dry run shows them once you trust the project (dt trust)",
    );
  const base = baseOf(used);
  const without =
    off.length === 0 ? [] : asks ? await presentServices(request, { engine, base }) : servicesOf(declared, off);
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
    throw new DtError(error.code, `${typedKey(request.key)}: start: ${error.sentence}`, {
      lines: error.lines,
      status: error.status,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
}

/** Writes the file with other host ports. Returns it as a word of the command line. */
async function withFreePorts(
  request: StackRequest,
  { engine, base }: { engine: EngineName; base: string[] },
): Promise<string> {
  const { key, env, cwd, movedFile, isFree, dry, note } = request;
  const argv = configCommand(base);
  request.onCommand(pastedLine(argv, { engine, given: request.given }));
  const { code, out, err } = await callCompose(argv, request);
  if (code !== 0) throw composeError({ key, doing: "start", argv, code, words: err || out });
  const { movePorts, readMoved, writeMoved } = await import("./ports.ts");
  const project = env.COMPOSE_PROJECT_NAME as string;
  // Ports that the stack's own containers may hold stay theirs.
  const mine = ((await listContainers({ engine, project }, env)) ?? []).length > 0;
  const known = readMoved(movedFile).filter(({ to }) => mine || isFree(to));
  const moved = await movePorts(out, { project, known, isFree });
  for (const { service, target, from, to } of moved.ports) note(`${service} ${target}: port ${to} in place of ${from}`);
  if (!dry) writeMoved(movedFile, moved);
  return relative(cwd, movedFile);
}

function servicesOf({ toggles }: DeclaredStack, off: readonly string[]): string[] {
  return off.flatMap((name) => toggles[name] ?? []);
}

/** Asks Compose which services exist: Compose 2 refuses to scale one that is not in the file. */
async function presentServices(
  request: StackRequest,
  { engine, base }: { engine: EngineName; base: string[] },
): Promise<string[]> {
  const { declared, off, key, note } = request;
  const argv = servicesCommand(base);
  request.onCommand(pastedLine(argv, { engine, given: request.given }));
  const { code, out, err } = await callCompose(argv, request);
  if (code !== 0) throw composeError({ key, doing: "start", argv, code, words: err || out });
  const there = new Set(out.split("\n").map((line) => line.trim()));
  return off.flatMap((toggle) => {
    const named = declared.toggles[toggle] ?? [];
    const found = named.filter((service) => there.has(service));
    const absent = named.filter((service) => !there.has(service));
    if (found.length === 0) note(`${toggleFlag(toggle)} changes nothing: ${declared.file} has none of its services`);
    else if (absent.length > 0)
      note(`${toggleFlag(toggle)} leaves out ${found.join(", ")}; ${declared.file} has no ${absent.join(", ")}`);
    return found;
  });
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
function kept(env: EngineEnvironment): EngineEnvironment {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !NOT_KEPT.test(name)));
}
