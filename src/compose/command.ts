/**
 * The command lines of Compose, built from the manifest, the flags and the engine: nothing random,
 * no time, no path of a machine.
 *
 *   <engine> -f FILE [--profile P]… up [-d] [--force-recreate] [--scale SERVICE=0]… [SERVICE]… [args]…
 *   <engine> -f FILE [--profile P]… config [--services]
 *   <engine> -f FILE [--profile P]… down [-t 0]
 *
 * Pure. COMPOSE_PROJECT_NAME names the project, which keeps paths out of the command lines; printed
 * ones include it too (pasted.ts).
 */
import { basename, relative, resolve } from "node:path";
import { sha256 } from "../sys/base/digest.ts";
import { shortKey } from "../values/key.ts";
import type { EngineName, StackRecord } from "./types.ts";

export interface UpOptions {
  detach: boolean;
  recreate: boolean;
  /** Services to run no container of. */
  without: readonly string[];
  /** Only these and their dependencies; empty: all. */
  services: readonly string[];
  args: readonly string[];
}

/** The file as a word of the command line: relative to where the command runs, so the same on every machine. */
export function fileWord(root: string, { file, cwd }: { file: string; cwd: string }): string {
  return relative(cwd, resolve(root, file));
}

/** The words that start each engine's Compose, and the client that lists its containers. */
export const ENGINES: Record<EngineName, { words: readonly string[]; client: "docker" | "podman" }> = {
  "docker compose": { words: ["docker", "compose"], client: "docker" },
  "docker-compose": { words: ["docker-compose"], client: "docker" },
  "podman compose": { words: ["podman", "compose"], client: "podman" },
};

/** The words before Compose's verb. */
export function baseOf({ engine, file, profiles }: Pick<StackRecord, "engine" | "file" | "profiles">): string[] {
  return [...ENGINES[engine].words, "-f", file, ...profiles.flatMap((profile) => ["--profile", profile])];
}

export function upCommand(base: readonly string[], options: UpOptions): string[] {
  return [
    ...base,
    "up",
    ...(options.detach ? ["-d"] : []),
    ...(options.recreate ? ["--force-recreate"] : []),
    ...options.without.flatMap((service) => ["--scale", `${service}=0`]),
    ...options.services,
    ...options.args,
  ];
}

/** Prints the file as Compose resolves it. */
export function configCommand(base: readonly string[]): string[] {
  return [...base, "config"];
}

export function servicesCommand(base: readonly string[]): string[] {
  return [...configCommand(base), "--services"];
}

/** `now`: gives containers no time to end by themselves. */
export function downCommand(base: readonly string[], now: boolean): string[] {
  return [...base, "down", ...(now ? ["-t", "0"] : [])];
}

/**
 * The project's name: the same for the same root and key, another in another worktree. Compose allows
 * lower-case letters, digits, `-` and `_`.
 */
export function projectOf(root: string, key: string): string {
  const plain = (text: string) =>
    text
      .toLowerCase()
      .replace(/[^a-z0-9_-]+/g, "-")
      .replace(/^[-_]+|[-_]+$/g, "");
  const name = [plain(basename(root)).slice(0, 24), plain(shortKey(key)).slice(0, 60)]
    .filter((part) => part !== "")
    .join("-");
  return `${name || "dt"}-${sha256(`${root}\0${key}`).slice(0, 8)}`;
}
