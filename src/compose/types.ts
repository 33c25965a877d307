/**
 * A stack as the manifest declares it, and as its launch's record keeps it: all that is needed to end it, by any dt. No
 * code in this file.
 */

/** As resolved from the manifest; paths as written. */
export interface DeclaredStack {
  file: string;
  project: string | null;
  profiles: string[];
  env: Record<string, string | null>;
  services: string[];
  toggles: Record<string, string[]>;
  movePorts: boolean;
}

export interface StackRecord {
  engine: EngineName;
  /** The Compose file as written on the command line, relative to `cwd`. */
  file: string;
  profiles: string[];
  /** With moved host ports: the declared file, as it would be written. */
  movedFrom?: string;
  /** `COMPOSE_PROJECT_NAME`; containers carry it as a label. */
  project: string;
  /** Names of the toggles that are off. */
  off: string[];
  cwd: string;
}

/** The first words of a Compose command line. */
export type EngineName = "docker compose" | "docker-compose" | "podman compose";

/** What Compose receives besides its command line, as far as a user who types that line must supply it too. */
export interface Given {
  project: string;
  /** Null: to be unset. */
  env: Record<string, string | null>;
  /** For `--env-file`, relative to where the command runs. */
  files: string[];
}

/** The environment of Compose and the engine's client; their programs are found on its PATH. */
export type EngineEnvironment = Record<string, string>;

/** One container of a stack, as the engine shows it. */
export interface Container {
  id: string;
  name: string;
  service: string;
  number: string;
  /** The engine's word: created, running, paused, restarting, removing, exited, dead. */
  state: string;
  /** Null where none is declared. */
  health: "starting" | "healthy" | "unhealthy" | null;
  /** Null unless it has ended. */
  exitCode: number | null;
  ports: string[];
}
