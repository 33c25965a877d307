/** What looks at several keys share, and the row that each look gives. No code in this file. */
import type { KeyState, LaunchRecord } from "../state/types.ts";
import type { Site } from "../supervisor/launch/types.ts";
import type { ListeningPort, ProcessIdentity } from "../sys/process/identity.ts";

/** One row of `dt ps --json`. */
export interface KeyReport {
  key: string;
  plugin: string;
  command: string;
  variant: string;
  state: KeyState;
  pid: number | null;
  pgid: number | null;
  host: { pid: number; alive: boolean } | null;
  startedAt: string | null;
  uptimeMs: number | null;
  restarts: number;
  ports: number[];
  url: string | null;
  log: string;
  cwd: string | null;
  argv: string[];
  /** Whether the launch differs from what the manifest says now; null when that is unknown. */
  drift: boolean | null;
  exit: { code: number | null; signal: string | null; at: string; reason: string } | null;
  /** Who started it; null when that is unknown. */
  startedBy: { by: string; pid: number; command: string } | null;
  /** The process it is tied to. */
  owner: { pid: number; alive: boolean; command: string } | null;
  /** Of a stack of containers: what the engine says; null when it does not answer. Only `ps` and `status` ask it. */
  services?:
    | {
        service: string;
        number: string;
        container: string;
        state: string;
        health: "starting" | "healthy" | "unhealthy" | null;
        exitCode: number | null;
        ports: string[];
      }[]
    | null;
  /** Why it is unhealthy, or what is wrong with its files; null when nothing is. */
  note: string | null;
}

/** What several looks in a row share: each record is read once, and the process table in one pass. */
export interface Look {
  ground: Site;
  /** The hosts of every record, so read only when a tree is. */
  hosts: () => readonly ProcessIdentity[];
  /** For one launch of a few: what listens near it. */
  listening: (record: LaunchRecord) => Listening;
  /** For any number of launches. */
  listeningOfAll: () => Listening;
  driftOf: (record: LaunchRecord) => boolean | null;
}

/** What listens near the launches whose leader lives. */
export interface Listening {
  ports: readonly ListeningPort[];
  /** By token: what may be the launch's. */
  byLaunch: ReadonlyMap<string, readonly ListeningPort[]>;
  /** What may be anyone's. */
  unclaimed: readonly ListeningPort[];
}
