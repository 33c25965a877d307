/**
 * Who a process is. A pid alone names nobody: it is reused, and means something else after a reboot or in another pid
 * namespace. An identity is pid + kernel start time + boot id + pid namespace; it is compared before every signal, and
 * what cannot be compared is `unknown`, which never gets one.
 */
export interface ProcessIdentity {
  pid: number;
  /** The kernel's start time, in its own unit, as text (ticks since boot on Linux, microseconds since 1970 on macOS). */
  startTime: string;
  bootId: string;
  /** The pid namespace in which `pid` has this meaning; empty where the system has none. */
  pidNamespace: string;
}

/** `alive`: this very process runs; `gone`: ended, a zombie, reused or of an earlier boot; `unknown`: not to be judged from here. */
export type Presence = "alive" | "gone" | "unknown";

export interface ProcessEntry {
  pid: number;
  ppid: number;
  pgid: number;
  sid: number;
  startTime: string;
  /** Kernel state letter; `Z` and `X` count as gone. */
  state: string;
  /** The kernel's short name of the program. */
  comm: string;
}

export interface FileIdentity {
  dev: number;
  ino: number;
}

/** What a platform file provides. All calls are synchronous and cheap; a process that ends meanwhile is null. */
export interface ProcessTable {
  bootId(): string;
  pidNamespace(): string;
  /** All processes that can be seen. */
  list(): ProcessEntry[];
  /** Their numbers alone, which costs a fraction of it. */
  pids(): number[];
  /** One process, zombies included; null when there is none. */
  entry(pid: number): ProcessEntry | null;
  /** One variable of a process's initial environment: null when not set, undefined when it cannot be read. */
  environmentOf(pid: number, name: string): string | null | undefined;
  commandLineOf(pid: number): string;
  /** The lineage that it has from whoever started it (lineage.ts): null when it has none, undefined where that cannot be seen. */
  lineageOf(pid: number): bigint | null | undefined;
  /** Whether the process holds this file (device and inode) open for writing; undefined when that cannot be seen. */
  isWriting(pid: number, file: FileIdentity): boolean | undefined;
  /**
   * Whether the two write this file through the same open file description, which is only inherited or handed over, never opened; undefined when
   * that cannot be seen.
   */
  shareDescription(pid: number, other: number, file: FileIdentity): boolean | undefined;
  /** TCP ports that any of these processes listens on. */
  listeningPorts(pids: Iterable<number>): ListeningPort[];
  /** The sockets that listen on this TCP port, on each address. */
  listenersOn(port: number): PortListener[];
  /** This user's processes whose open files cannot be seen from here: any of them may hold a socket that nobody is seen to hold. */
  hidingProcessesOf(uid: number): number[];
  /** Sends a signal to exactly this process, check and signal in one. */
  signal(identity: ProcessIdentity, signal: number): SignalOutcome;
  /** Sends a signal to the process's whole group in one step, where the kernel can; null where it cannot. */
  signalGroup(leader: ProcessIdentity, signal: number): SignalOutcome | null;
  /** Makes this process the parent of its orphaned descendants. False where the system cannot. */
  becomeSubreaper(): boolean;
  /** Children of a process as the kernel knows them; none when it is gone. */
  childrenOf(pid: number): number[];
  /**
   * Whether a process is this user's and stands where this one does: same user, same pid and mount namespaces. What it says of itself is then said by who
   * could do anything here anyway. False where that cannot be seen.
   */
  isOwn(pid: number): boolean;
  /**
   * A process of another pid namespace, by the pid that it has here. Null when there is none such, undefined when it cannot be told: the namespace lies not
   * below this one, or what is in it may not be looked at.
   */
  locate(identity: ProcessIdentity): ProcessIdentity | null | undefined;
  /** The directories that a process is in or holds open, by the paths that they have now; none where that cannot be seen. */
  directoriesOf(pid: number): string[];
}

export interface ListeningPort {
  port: number;
  address: string;
  pid: number;
}

export interface PortListener {
  /** `0.0.0.0` and `::` are all addresses of the machine. */
  address: string;
  /** Of `::`: whether IPv4 connections are left to others. */
  onlyIpv6: boolean;
  /** The user who made it; null where the system does not tell. */
  uid: number | null;
  /** Who has it open, as far as that can be seen; none: somebody whom the system hides. */
  pids: number[];
}

export type SignalOutcome = "sent" | "gone" | "unknown" | "denied";

/** Judges a recorded identity against the process that now has its pid. */
export function presenceOf(table: ProcessTable, identity: ProcessIdentity): Presence {
  if (identity.bootId !== table.bootId()) return "gone";
  if (identity.pidNamespace !== table.pidNamespace()) return "unknown";
  const entry = table.entry(identity.pid);
  if (entry === null || isOver(entry)) return "gone";
  return entry.startTime === identity.startTime ? "alive" : "gone";
}

/** A zombie has ended; only its parent has not asked yet. */
export function isOver(entry: ProcessEntry): boolean {
  return entry.state === "Z" || entry.state === "X";
}

/** When it began, as a number to compare with. What is recorded of who was never seen has a word behind its number. */
export function startOf({ startTime }: Pick<ProcessIdentity, "startTime">): number {
  return Number.parseInt(startTime, 10);
}

/** The identity of a process seen in the table. */
export function identify(table: ProcessTable, entry: ProcessEntry): ProcessIdentity {
  return {
    pid: entry.pid,
    startTime: entry.startTime,
    bootId: table.bootId(),
    pidNamespace: table.pidNamespace(),
  };
}

/** This process's own identity. */
export function identifySelf(table: ProcessTable): ProcessIdentity {
  const entry = table.entry(process.pid);
  if (entry === null) throw new Error("this process is not in the process table (is /proc mounted?)");
  return identify(table, entry);
}

export function sameIdentity(a: ProcessIdentity, b: ProcessIdentity): boolean {
  return a.pid === b.pid && a.startTime === b.startTime && a.bootId === b.bootId && a.pidNamespace === b.pidNamespace;
}

/** A table that looks at each thing once: for showing many launches of one moment, never for signalling. */
export function snapshotOf(table: ProcessTable): ProcessTable {
  let entries: ProcessEntry[] | undefined;
  const single = new Map<number, ProcessEntry | null>();
  const environments = new Map<string, string | null | undefined>();
  const lineages = new Map<number, bigint | null | undefined>();
  return {
    ...table,
    list() {
      if (entries !== undefined) return entries;
      entries = table.list();
      for (const entry of entries) if (!single.has(entry.pid)) single.set(entry.pid, entry);
      return entries;
    },
    entry(pid) {
      let entry = single.get(pid);
      if (entry === undefined) {
        entry = table.entry(pid);
        single.set(pid, entry);
      }
      return entry;
    },
    environmentOf(pid, name) {
      const key = `${pid} ${name}`;
      if (!environments.has(key)) environments.set(key, table.environmentOf(pid, name));
      return environments.get(key);
    },
    lineageOf(pid) {
      if (!lineages.has(pid)) lineages.set(pid, table.lineageOf(pid));
      return lineages.get(pid);
    },
  };
}
