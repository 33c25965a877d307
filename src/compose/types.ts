/** A stack as its launch's record keeps it: all that is needed to end it, whoever does. No code in this file. */

export interface StackRecord {
  engine: EngineName;
  /** The Compose file as it is written on the command line, relative to `cwd`. */
  file: string;
  profiles: string[];
  /** Of one whose host ports were moved: the declared file, as it would be written. */
  movedFrom?: string;
  /** `COMPOSE_PROJECT_NAME`; containers carry it as a label. */
  project: string;
  /** Names of the toggles that are off. */
  off: string[];
  cwd: string;
}

/** The words before everything else of a Compose command line. */
export type EngineName = "docker compose" | "docker-compose" | "podman compose";

/** What Compose is given beside the words of a command line, as far as a person who types that must give it too. */
export interface Given {
  project: string;
  /** Null: not to be set. */
  env: Record<string, string | null>;
  /** For `--env-file`, from where the command runs. */
  files: string[];
}

/** What Compose and the engine's client are run with; the programs are found on its PATH. */
export type Environment = Record<string, string>;

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
  /** Of one that has ended. */
  exitCode: number | null;
  ports: string[];
}
