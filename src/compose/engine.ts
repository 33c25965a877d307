/**
 * Finds the installed Compose: `docker compose`, else `docker-compose`, else `podman compose`. Asks once, and again
 * when one of the programs, or of the folders that Docker takes its plugins from, has changed.
 */
import { join } from "node:path";
import { DtError, EXIT } from "../sys/base/error.ts";
import { statOf } from "../sys/base/stat.ts";
import type { Seal } from "../sys/seal/seal.ts";
import { readSealed, writeSealed } from "../sys/seal/sealed.ts";
import { bunSpawn } from "../sys/spawn/bunspawn.ts";
import { ENGINES } from "./command.ts";
import type { EngineName } from "./types.ts";

export interface EngineRequest {
  env: Record<string, string>;
  cwd: string;
  /** The directory that remembers the answer, and its seal. */
  cache: string;
  seal: Seal;
  /** Called with each command line that runs. */
  onCommand: (argv: string[]) => void;
}

const CANDIDATES = Object.keys(ENGINES) as EngineName[];

const PLUGIN_FOLDERS = ["/usr/local/lib/docker/cli-plugins", "/usr/lib/docker/cli-plugins"];
const MORE_PLUGIN_FOLDERS = ["/usr/local/libexec/docker/cli-plugins", "/usr/libexec/docker/cli-plugins"];

interface Known {
  marks: string[];
  engine: EngineName;
}

/** Throws `no-compose`. */
export async function findEngine(request: EngineRequest): Promise<EngineName> {
  const { env, cache, seal } = request;
  const marks = marksOf(env);
  const path = join(cache, "compose.json");
  const known = readSealed(path, { seal, check: (value) => value as Known });
  if (known.is === "there" && JSON.stringify(known.value.marks) === JSON.stringify(marks)) return known.value.engine;
  const said: string[] = [];
  for (const engine of CANDIDATES) {
    const answer = await ask(request, engine);
    if (answer !== null) {
      said.push(answer);
      continue;
    }
    try {
      writeSealed(path, { seal, value: { version: 1, marks, engine } satisfies Known & { version: 1 } });
    } catch {
      // a read-only disk: ask again next time
    }
    return engine;
  }
  throw new DtError("no-compose", "no Compose was found:", {
    lines: said.map((line) => `  ${line}`),
    status: EXIT.notFound,
    hint: "Install Docker with its Compose plugin, docker-compose, or Podman.",
  });
}

/** The first engine whose program is on PATH; nothing is run to see whether it works. */
export function likelyEngine({ PATH = "" }: Record<string, string>): EngineName {
  const isThere = (engine: EngineName) => Bun.which(ENGINES[engine].words[0] as string, { PATH }) !== null;
  return CANDIDATES.find(isThere) ?? "docker compose";
}

/** Null when the engine's Compose answers, otherwise what is wrong. */
async function ask({ env, cwd, onCommand }: EngineRequest, engine: EngineName): Promise<string | null> {
  const { words: compose } = ENGINES[engine];
  const program = Bun.which(compose[0] as string, { PATH: env.PATH ?? "" });
  const name = compose.join(" ");
  if (program === null) return `${name}: there is no ${compose[0]} in PATH`;
  const argv = [...compose, "version"];
  onCommand(argv);
  const child = bunSpawn([program, ...argv.slice(1)], { env, cwd, stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const [words, code] = await Promise.all([child.stderr.text(), child.exited]);
  const first = words.split("\n").find((line) => line.trim() !== "");
  return code === 0 ? null : `${argv.join(" ")} ended with ${code}${first === undefined ? "" : `: ${first.trim()}`}`;
}

function marksOf(env: Record<string, string>): string[] {
  const config = env.DOCKER_CONFIG ?? (env.HOME === undefined ? null : join(env.HOME, ".docker"));
  const programs = ["docker", "docker-compose", "podman"].map((name) => Bun.which(name, { PATH: env.PATH ?? "" }));
  const folders = [
    ...PLUGIN_FOLDERS,
    ...MORE_PLUGIN_FOLDERS,
    ...(config === null ? [] : [join(config, "cli-plugins")]),
  ];
  return [...programs, ...folders].map((path) => {
    const stat = path === null ? null : statOf(path);
    return `${path} ${stat == null ? "-" : `${stat.ino} ${stat.mtimeMs}`}`;
  });
}
