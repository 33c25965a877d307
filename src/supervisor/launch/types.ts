/** What the rooms above hand down to start something, what they hear back, and a run as its host holds it. No code in this file. */

import type { Reading } from "../../manifest/cache/reading.ts";
import type { ManagedSettings } from "../../manifest/model/resolved.ts";
import type { Store } from "../../state/store.ts";
import type { Asker, ExitRecord, Owner } from "../../state/types.ts";
import type { FolderIdentity } from "../../sys/base/folder.ts";
import type { Hold } from "../../sys/lock/hold.ts";
import type { LockBackend } from "../../sys/lock/lock.ts";
import type { ProcessTable } from "../../sys/process/identity.ts";
import type { TerminalSize } from "../../sys/terminal/leaderterminal.ts";

/** Where launches are: enough to look at them and to stop them. */
export interface Site {
  table: ProcessTable;
  store: Store;
  root: string;
  /** `DIALTONE_HOME`, null when there is none. */
  home: string | null;
  /** The environment of whoever runs this dt: what is run to end a stack, or to ask about it, is found on its PATH. */
  env: Record<string, string>;
  /** Default: as the file system of the run directory allows. */
  lockBackend?: LockBackend | undefined;
}

/** Where a supervisor works: what it needs to start launches, too. Handed in, never global. */
export interface Ground extends Site {
  /** Where the manifests' index is kept. */
  cache: string;
  /** How this dt starts itself. */
  self: readonly string[];
  /** The soft limit of open files that commands get; null: unknown, leave it. */
  openFiles: bigint | null;
  /** How far the root's manifests are followed by what is started here. Default: all of them. */
  reading?: Reading;
  /** In a host: which folder the root was when it began. Null: none was there. */
  folder?: FolderIdentity | null;
  /** The root is not trusted, and what is run not its own: it gets nothing of the root. Default: where the root's reading is `data`. */
  isStrange?: boolean;
  /** The other user who was accepted as the root's owner. Default: nobody. */
  owner?: number | null;
  /** Told of each command line that is run beside the launch's own (`--verbose`). */
  onCommand?: (line: string, cwd: string) => void;
  /** In a host: by key, what tells that it lives to those who cannot see it. */
  holds?: Map<string, Hold>;
  /** In a host: what falls to it may be a stranger's, which was below this process before it began. */
  bystanders?: boolean;
  /** In a host of many launches: what fell to it is not of one of them alone. */
  shared?: boolean;
}

/** One start that was asked for: everything a host needs, as plain JSON. */
export interface LaunchSpec {
  key: string;
  plugin: string;
  command: string;
  variant: string;
  settings: ManagedSettings;
  /** Words after `--`. */
  args: string[];
  /** `--timeout`, in milliseconds: replaces the time limit of every probe. */
  readyTimeoutMs: number | null;
  /** How long to wait for the key's lock. */
  lockTimeoutMs: number;
  /** The environment of whoever asked. */
  env: Record<string, string>;
  asker: Asker;
  /** Which stops came before it; none: nobody but its own host asked for it. */
  ticket?: Ticket;
  /** Leave a healthy launch of the same thing alone. */
  ensure: boolean;
  /** Of a stack: toggles that are off. Default none. */
  off?: string[];
  /** Of a stack: make its containers anew, also where nothing changed. Default false. */
  recreate?: boolean;
  detached: boolean;
  /** The process it is tied to; default none. */
  owner?: Owner | null;
  /** As it is noted for another host: that its ground was strange. */
  isStrange?: boolean;
  /** Keys whose starts wait for this one; what runs before it is run for them too. Default none. */
  dependents?: string[];
  /** With `tty: true`: the size of the terminal it is to be shown on; null: the usual 80 by 24. */
  terminal?: TerminalSize | null;
}

/** What a start that somebody asked for is known by until it is launched (supervisor/ticket/ticket.ts). */
export interface Ticket {
  id: string;
  /** The last stop of its key when it was asked for; null: there was none. */
  after: string | null;
}

/** What a start is known by while its manifests are loaded (supervisor/ticket/announced.ts). */
export interface Announced {
  /** The mark of the last stop of the key before the load; null: it was never stopped. */
  lastStopOf(key: string): string | null;
  /** Its keys have tickets, or it has none. */
  close(): void;
}

/** One line a person may read about a launch. */
export interface LaunchLine {
  key: string;
  state: string;
  pid: number | null;
  port: number | null;
  url: string | null;
  log: string;
}

/** What a host tells while it works. It goes to the terminal in the foreground, through a pipe when detached. */
export type LaunchEvent =
  | { is: "note"; text: string }
  /** A command line that is run beside the launch's own. */
  | { is: "command"; line: string; cwd: string }
  | { is: "replacing"; key: string; pid: number | null; ageMs: number }
  | { is: "replaced"; key: string; killed: number; tookMs: number }
  | { is: "unchanged"; line: LaunchLine }
  | { is: "spawned"; line: LaunchLine; probed: boolean; commandLine: string[]; cwd: string; shown?: string }
  | { is: "ready"; line: LaunchLine; tookMs: number }
  | { is: "unhealthy"; line: LaunchLine; why: string }
  | { is: "restarting"; key: string; inMs: number; because: string }
  | { is: "ended"; exit: ExitRecord }
  | { is: "failed"; error: FailureReport };

export interface FailureReport {
  code: string;
  /** The error's sentence. */
  message: string;
  /** What follows it. */
  lines?: readonly string[];
  hint: string | null;
  status: number;
  details: Record<string, unknown> | null;
}

export type Report = (event: LaunchEvent) => void;
