/**
 * A Compose command line that the user can paste into a shell, in the directory where it runs, including what dt passes
 * to Compose besides its arguments. Variables that the manifest sets go before it, and so does the project's name,
 * without which Compose would use another project. Variables from an `envFile` are represented by their file: the
 * values may be secret, and printed lines end up in CI logs.
 *
 * Known limits: Compose reads such a file by its own rules, and `docker-compose` 1 accepts only one.
 */
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { readText } from "../sys/files/fileread.ts";
import { showCommand, showWord } from "../sys/text/shell.ts";
import { ENGINES } from "./command.ts";
import type { EngineName, Given } from "./types.ts";

export interface GivenRequest {
  root: string;
  /** Absolute. */
  cwd: string;
  /** The Compose file as the manifest names it. */
  file: string;
  project: string;
  /** The command's environment. */
  env: Record<string, string>;
  /** The user's own environment. */
  inherited: Record<string, string>;
  /** Names that are set by the manifest, or by dt for it. */
  set: readonly string[];
  /** Names that come from `envFile` alone. */
  fromFiles: readonly string[];
  /** The names in the manifest. */
  envFile: readonly string[];
}

/** Variables of the engine and of Compose themselves. */
const OF_ENGINE = /^(DOCKER|COMPOSE|CONTAINER|BUILDKIT)_/;
const NAME = /^[A-Za-z_]\w*$/;

/** Selects the variables that the file names, or that a file it includes may name. */
export function givenTo(request: GivenRequest): Given {
  const { root, cwd, project, env, inherited } = request;
  const text = readText(resolve(root, request.file));
  const mayNameAny = text.is !== "there" || /\b(include|extends)["']?\s*:/.test(text.value);
  const isNamed = (name: string) =>
    NAME.test(name) &&
    (mayNameAny || OF_ENGINE.test(name) || new RegExp(`\\b${RegExp.escape(name)}\\b`).test(text.value));
  const entries = request.set.filter(isNamed).map((name) => [name, env[name] ?? null] as const);
  const fromFiles = request.fromFiles.filter(isNamed);
  // Compose prefers the shell's value to the file's: the pasted line unsets it.
  const hidden = fromFiles.filter((name) => inherited[name] !== undefined).map((name) => [name, null] as const);
  const own = join(dirname(resolve(root, request.file)), ".env");
  const files = [own, ...request.envFile.map((name) => resolve(root, name.replace(/\?$/, "")))].filter(existsSync);
  const words = files.map((file) => (file.startsWith(`${cwd}/`) ? file.slice(cwd.length + 1) : file));
  return { project, env: Object.fromEntries([...hidden, ...entries]), files: fromFiles.length === 0 ? [] : words };
}

export function pastedLine(argv: readonly string[], { engine, given }: { engine: EngineName; given: Given }): string {
  const { words, client } = ENGINES[engine];
  const isCompose = words.every((word, at) => argv[at] === word) && argv[words.length] === "-f";
  if (!isCompose && argv[0] !== client) return showCommand(argv);
  // The engine's own client learns from its arguments which containers to list.
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
