/** Where the daemon's files are. One daemon per home (`DIALTONE_HOME`). */
import { existsSync, readlinkSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { sha256 } from "../../sys/base/digest.ts";
import { DtError, EXIT } from "../../sys/base/error.ts";
import { makeDirectories } from "../../sys/files/makedirectories.ts";
import { writeError } from "../../sys/files/writeerror.ts";
import { checkPrivateDirectory } from "../../sys/places/privatedirectory.ts";
import { socketDirectory } from "../../sys/places/socketplace.ts";
import { makeSeal, type Seal } from "../../sys/seal/seal.ts";

export const LABEL = "dev.dialtone.daemon";

export interface DaemonPaths {
  home: string;
  /** For files in the home. */
  seal: Seal;
  /** A link to the socket, whose own path is short. */
  socket: string;
  lock: string;
  logs: string;
  log: string;
  errors: string;
  /** Roots that were registered. */
  boot: string;
  /** Roots in which something was ever started. */
  roots: string;
  /** In which boot of the machine the commands marked `boot` were started. */
  booted: string;
  /** The binary that a service manager starts. */
  binary: string;
  /** What `install` did. */
  installed: string;
}

export function daemonPaths(home: string): DaemonPaths {
  const logs = join(home, "logs");
  return {
    home,
    seal: makeSeal(home, home),
    socket: join(home, "daemon.sock"),
    lock: join(home, "daemon.lock"),
    logs,
    log: join(logs, "daemon.log"),
    errors: join(logs, "daemon-err.log"),
    boot: join(home, "boot"),
    roots: join(home, "roots"),
    booted: join(home, "booted.json"),
    binary: join(home, "bin", "dt"),
    installed: join(home, "installed.json"),
  };
}

/** Throws when there is no home at all. */
export function neededHome(home: string | null): DaemonPaths {
  if (home !== null) return daemonPaths(home);
  throw new DtError("no-home", "There is one daemon per user, and this user has no home directory.", {
    status: EXIT.usage,
    hint: "Set DIALTONE_HOME to a directory of yours.",
  });
}

/**
 * Makes the directories that the daemon writes to. Throws when others may write to the home: a user who can replace
 * files there could choose what is run.
 */
export function makeDaemonHome(paths: DaemonPaths): void {
  try {
    makeDirectories(paths.home);
    checkPrivateDirectory(realpathSync(paths.home));
    for (const path of [paths.logs, paths.boot]) makeDirectories(path);
  } catch (error) {
    if (error instanceof DtError && error.code !== "cannot-write") throw error;
    throw writeError(paths.home, {
      cause: error instanceof DtError ? (error.cause ?? error) : error,
      variable: "DIALTONE_HOME",
    });
  }
}

/** The socket's own path, short whatever the home's is. */
export function realSocketOf(paths: DaemonPaths, env: Record<string, string | undefined>): string {
  return join(socketDirectory({ env, home: paths.home }), socketNameOf(paths));
}

/** The name of its socket, in whichever directory that is. */
export function socketNameOf({ home }: Pick<DaemonPaths, "home">): string {
  const name = existsSync(home) ? realpathSync(home) : home;
  return `${sha256(name).slice(0, 12)}.sock`;
}

/** Where the link in the home leads; null when it is no link, or not there. */
export function linkedSocketOf({ socket }: Pick<DaemonPaths, "socket">): string | null {
  try {
    return readlinkSync(socket);
  } catch {
    return null;
  }
}
