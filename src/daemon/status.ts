/** What the daemon says of itself, with what plugins add to it (`sections.ts`). */
import { statSync } from "node:fs";
import { selfCommand } from "../sys/base/self.ts";
import { BUILD, COMMIT, VERSION } from "../sys/base/version.ts";
import { type DaemonPaths, LABEL } from "./socket/paths.ts";
import { PROTOCOL, type Status } from "./socket/protocol.ts";

/** As they were when the daemon began. */
export interface DaemonFacts {
  paths: DaemonPaths;
  manager: Status["manager"];
  startedAtUnix: number;
  binary: string;
  binaryMark: string;
}

export type StatusNow = Pick<Status, "roots" | "clients" | "running_jobs" | "waiting"> & {
  sections: Record<string, unknown>;
};

export function factsOf(paths: DaemonPaths, env: Record<string, string>): DaemonFacts {
  const binary = selfCommand()[0] as string;
  return {
    paths,
    manager: managerOf(env),
    startedAtUnix: Math.floor(Date.now() / 1000),
    binary,
    binaryMark: markOf(binary),
  };
}

export function daemonStatusOf(
  { paths, manager, startedAtUnix, binary, binaryMark }: DaemonFacts,
  now: StatusNow,
): Status {
  const { sections, ...rest } = now;
  return {
    projects_root: null,
    codebase_count: 0,
    codebases: [],
    ...sections,
    running: true,
    pid: process.pid,
    version: VERSION,
    commit: COMMIT,
    build: BUILD,
    protocol: PROTOCOL,
    label: LABEL,
    socket: paths.socket,
    started_at_unix: startedAtUnix,
    roots: rest.roots,
    manager,
    binary,
    upgraded: markOf(binary) !== binaryMark,
    clients: rest.clients,
    running_jobs: rest.running_jobs,
    waiting: rest.waiting,
  };
}

/** Changes when another build is put in the binary's place. */
function markOf(binary: string): string {
  const stat = statSync(binary, { throwIfNoEntry: false });
  return stat === undefined ? "-" : `${stat.dev} ${stat.ino} ${stat.mtimeMs} ${stat.size}`;
}

/** Set by the unit that `dt daemon install` writes. */
function managerOf({ DIALTONE_MANAGER }: Record<string, string>): Status["manager"] {
  return DIALTONE_MANAGER === "systemd" || DIALTONE_MANAGER === "launchd" ? DIALTONE_MANAGER : null;
}
