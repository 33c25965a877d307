/** What the rooms above pass down to start a launch, and what a host reports back. No code in this file. */
import type { Reading } from "../../manifest/cache/reading.ts";
import type { ManagedSettings } from "../../manifest/model/resolved.ts";
import type { Store } from "../../state/store.ts";
import type { Asker, ExitRecord, Owner } from "../../state/types.ts";
import type { FolderIdentity } from "../../sys/base/folder.ts";
import type { Inherited } from "../../sys/inherit/inherited.ts";
import type { Hold } from "../../sys/lock/hold.ts";
import type { LockBackend } from "../../sys/lock/lock.ts";
import type { ProcessTable } from "../../sys/process/identity.ts";
import type { TerminalSize } from "../../sys/terminal/leaderterminal.ts";

/** Where launches are: enough to look at them and to stop them. */
export interface Site {
  table: ProcessTable;
  store: Store;
  root: string;
  /** `DIALTONE_HOME`; null when there is none. */
  home: string | null;
  /** The environment of the caller of this dt. The programs that end or inspect a stack are found on its PATH. */
  env: Record<string, string>;
  /** Default: as the file system of the run directory allows. */
  lockBackend?: LockBackend | undefined;
  /** Called with each command line that is run beside the launch's own (`--verbose`). */
  onCommand?: (line: string, cwd: string) => void;
}

/** Where a supervisor works: what it needs to start launches, too. Passed in, never global. */
export interface Ground extends Site {
  /** Where the manifest index is cached. */
  cache: string;
  /** The command line by which this dt runs itself. */
  self: readonly string[];
  /** The soft limit of open files for commands; null: unknown, leave it as it is. */
  openFiles: bigint | null;
  /** Which of the root's manifests apply to what is started here. Default: all of them. */
  reading?: Reading;
  /** In a host: which folder the root was when the host began. Null: there was none. */
  folder?: FolderIdentity | null;
  /**
   * The root is not trusted, and what is run does not come from it: it gets nothing from the root. Default: true when
   * `reading` is `data`.
   */
  isStrange?: boolean | undefined;
  /** The other user who was accepted as the root's owner. Default: none. */
  owner?: number | null;
  /** In a host: the holds by key. They show that the host is alive to those who cannot see its process. */
  holds?: Map<string, Hold>;
  /**
   * In a host: an orphan that it inherits may be a stranger, a process that was below the host before the host began.
   */
  bystanders?: boolean;
  /** In a host of many launches: an orphan that it inherits may belong to any of them. */
  shared?: boolean;
}

/** One requested start: everything a host needs, as plain JSON. */
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
  /** The environment of the caller. */
  env: Record<string, string>;
  asker: Asker;
  /** Which stops came before it. Absent: its own host alone asked for it. */
  ticket?: Ticket;
  /**
   * When it was asked for, on the clock of the boot (sys/kernel/bootclock.ts): no later launch is older than what its
   * caller saw. Absent: in the spec of an older dt.
   */
  askedAt?: number;
  /** Leave a healthy launch alone if it would be started the same way. */
  ensure: boolean;
  /** A launch of the key that was asked for later will do, too, whatever its arguments. Default: false. */
  anyLater?: boolean;
  /** For a stack: toggles that are off. Default: none. */
  off?: string[];
  /** For a stack: recreate its containers even if nothing changed. Default: false. */
  recreate?: boolean;
  detached: boolean;
  /** The launch ends with this process. Default: none. */
  owner?: Owner | null;
  /** In the spec saved for another host: whether the root was untrusted. */
  isStrange?: boolean;
  /** Keys whose starts wait for this one; what runs before it runs for them too. Default: none. */
  dependents?: string[];
  /** What its processes inherit from the asker; absent: what the host passes on. */
  inherits?: Inherited | undefined;
  /** In a host that took it over: what that host cannot start it with (sys/inherit). Default: nothing. */
  unlike?: string;
  /** With `tty: true`: the size of the terminal that will show it; null: the usual 80 by 24. */
  terminal?: TerminalSize | null;
}

/** Identifies a requested start until it is launched (supervisor/ticket/ticket.ts). */
export interface Ticket {
  id: string;
  /** The key's last stop at the time of the request; null: none. */
  after: string | null;
}

/** Identifies a start while its manifests are loaded (supervisor/ticket/announced.ts). */
export interface Announced {
  /** The mark of the key's last stop before the load; null: it was never stopped. */
  lastStopOf(key: string): string | null;
  /** To be called when its keys have tickets, or when it has no keys. */
  close(): void;
}

/** What is shown about a launch in one line. */
export interface LaunchLine {
  key: string;
  state: string;
  pid: number | null;
  port: number | null;
  url: string | null;
  log: string;
}

/** What a host reports while it works. It goes to the terminal in the foreground, through a pipe when detached. */
export type LaunchEvent =
  | { is: "note"; text: string }
  /** A command line that is run beside the launch's own. */
  | { is: "command"; line: string; cwd: string }
  | { is: "replacing"; key: string; pid: number | null; ageMs: number }
  | { is: "replaced"; key: string; killed: number; tookMs: number }
  | { is: "unchanged"; line: LaunchLine }
  /** Another start has launched it meanwhile, and this start reports that launch. */
  | { is: "joined"; line: LaunchLine; probed: boolean; by: Asker }
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
  /** Further lines after it. */
  lines?: readonly string[];
  hint: string | null;
  status: number;
  details: Record<string, unknown> | null;
}

export type Report = (event: LaunchEvent) => void;
