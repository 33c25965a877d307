/**
 * A command line of Compose's as a person can paste it into a shell, in the directory where it runs: with what dt gives Compose otherwise than by
 * words. What the manifest sets goes before it, and so does the project's name, without which Compose would take another project. What comes from an
 * `envFile` is named by its file: what is in there may be secret, and what is printed ends in the logs of CI.
 *
 * Known limits: Compose reads such a file by its own rules, and `docker-compose` 1 takes one of them alone.
 */
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { readText } from "../sys/files.ts";
import { showCommand, showWord } from "../sys/shell.ts";
import { ENGINES } from "./command.ts";
import type { EngineName, Given } from "./types.ts";

export interface GivenRequest {
  root: string;
  /** Absolute. */
  cwd: string;
  /** The Compose file as the manifest names it. */
  file: string;
  project: string;
  /** What the command gets. */
  env: Record<string, string>;
  /** What the person's own environment holds. */
  inherited: Record<string, string>;
  /** Names that the manifest sets, or dt for it. */
  set: readonly string[];
  /** Names that come from `envFile` alone. */
  fromFiles: readonly string[];
  /** As the manifest names them. */
  envFile: readonly string[];
}

/** Of the engine and of Compose themselves. */
const OF_ENGINE = /^(DOCKER|COMPOSE|CONTAINER|BUILDKIT)_/;
const NAME = /^[A-Za-z_]\w*$/;

/** Of all variables those that the file names, or may name in another file that it takes in. */
export function givenTo(request: GivenRequest): Given {
  const { root, cwd, project, env, inherited } = request;
  const text = readText(resolve(root, request.file));
  const mayNameAny = text.is !== "there" || /\b(include|extends)["']?\s*:/.test(text.value);
  const isNamed = (name: string) =>
    NAME.test(name) &&
    (mayNameAny || OF_ENGINE.test(name) || new RegExp(`\\b${RegExp.escape(name)}\\b`).test(text.value));
  const entries = request.set.filter(isNamed).map((name) => [name, env[name] ?? null] as const);
  const fromFiles = request.fromFiles.filter(isNamed);
  // Compose prefers what the shell has.
  const hidden = fromFiles.filter((name) => inherited[name] !== undefined).map((name) => [name, null] as const);
  const own = join(dirname(resolve(root, request.file)), ".env");
  const files = [own, ...request.envFile.map((name) => resolve(root, name.replace(/\?$/, "")))].filter(existsSync);
  const words = files.map((file) => (file.startsWith(`${cwd}/`) ? file.slice(cwd.length + 1) : file));
  return { project, env: Object.fromEntries([...hidden, ...entries]), files: fromFiles.length === 0 ? [] : words };
}

export function pastedLine(argv: readonly string[], engine: EngineName, given: Given): string {
  const { words, client } = ENGINES[engine];
  const isCompose = words.every((word, at) => argv[at] === word) && argv[words.length] === "-f";
  if (!isCompose && argv[0] !== client) return showCommand(argv);
  // Which containers it is about, the engine's own client is told by words.
  const env = Object.entries(given.env).filter(([name]) => isCompose || OF_ENGINE.test(name));
  const files = isCompose ? given.files.flatMap((file) => ["--env-file", file]) : [];
  const unset = env.flatMap(([name, value]) => (value === null ? ["-u", name] : []));
  return [
    ...(unset.length === 0 ? [] : ["env", ...unset]),
    ...env.flatMap(([name, value]) => (value === null ? [] : [`${name}=${showWord(value)}`])),
    ...(isCompose ? [`COMPOSE_PROJECT_NAME=${showWord(given.project)}`] : []),
    isCompose ? showCommand([...words, ...files, ...argv.slice(words.length)]) : showCommand(argv),
  ].join(" ");
}
