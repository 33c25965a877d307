/**
 * Identifies a process. A pid alone does not: it is reused, and means something else after a reboot or in another pid
 * namespace. An identity is pid + kernel start time + boot id + pid namespace. dt compares it before every signal; a
 * process that cannot be compared is `unknown` and never gets one.
 */
export interface ProcessIdentity {
  pid: number;
  /**
   * The kernel's start time as text, in the kernel's own unit (ticks since boot on Linux, microseconds since 1970 on
   * macOS).
   */
  startTime: string;
  bootId: string;
  /** The pid namespace in which `pid` has this meaning; empty when the system has none. */
  pidNamespace: string;
}

/**
 * `alive`: this very process runs; `gone`: ended, a zombie, reused or of an earlier boot; `unknown`: cannot be judged
 * from here.
 */
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

/** The calls that a platform file provides. All are synchronous and cheap. A process that ends meanwhile is null. */
export interface ProcessTable {
  bootId(): string;
  pidNamespace(): string;
  /** All visible processes; with `since`, at least those that started then (`startOf`) or later. */
  list(since?: number): ProcessEntry[];
  /** Their pids alone, at a fraction of the cost. */
  pids(): number[];
  /** One process, zombies included; null when there is none. */
  entry(pid: number): ProcessEntry | null;
  /** One variable of a process's initial environment: null when not set, undefined when it cannot be read. */
  environmentOf(pid: number, name: string): string | null | undefined;
  commandLineOf(pid: number): string;
  /** The lineage that the process inherited (lineage.ts): null when it has none, undefined when that cannot be seen. */
  lineageOf(pid: number): bigint | null | undefined;
  /** Whether the process holds this file (device and inode) open for writing; undefined when that cannot be seen. */
  isWriting(pid: number, file: FileIdentity): boolean | undefined;
  /**
   * Whether the processes `pids` write this file through the same open file description, which can only be inherited or
   * handed over, never opened. Undefined when that cannot be seen.
   */
  shareDescription(file: FileIdentity, pids: readonly [number, number]): boolean | undefined;
  /** TCP ports that any of these processes listens on. */
  listeningPorts(pids: Iterable<number>): ListeningPort[];
  /** The sockets that listen on this TCP port, on each address. */
  listenersOn(port: number): PortListener[];
  /**
   * This user's processes whose open files cannot be seen from here. Any of them may hold a socket that no visible
   * process holds.
   */
  hidingProcessesOf(uid: number): number[];
  /** Sends a signal to exactly this process; check and signal are one step. */
  signal(identity: ProcessIdentity, signal: number): SignalOutcome;
  /** Sends a signal to the process's whole group in one step. Null when the kernel cannot do that. */
  signalGroup(leader: ProcessIdentity, signal: number): SignalOutcome | null;
  /** Makes this process the parent of its orphaned descendants. False when the system cannot do that. */
  becomeSubreaper(): boolean;
  /** A process's children as the kernel knows them; none when it is gone. */
  childrenOf(pid: number): number[];
  /** The processes of a forest, without its hosts. Null where only a look at every process would tell. */
  forestOf(forest: Forest): number[] | null;
  /**
   * Whether a process is this user's and lives in the same pid and mount namespaces as this one. Such a process could
   * do anything here anyway, so its claims are believed. False when that cannot be seen.
   */
  isOwn(pid: number): boolean;
  /**
   * Finds a process of another pid namespace by the pid that it has here. Null when there is none. Undefined when that
   * cannot be known: the namespace is not below this one, or its processes may not be looked at.
   */
  locate(identity: ProcessIdentity): ProcessIdentity | null | undefined;
  /** The directories that a process is in or holds open, by their current paths; none when they cannot be seen. */
  directoriesOf(pid: number): string[];
}

export interface Forest {
  /** Processes that belong to it, with all below them. */
  roots: Iterable<number>;
  /** Only what is below them belongs to it. They are dt processes: their main thread makes and adopts all children. */
  hosts: Iterable<number>;
}

export interface ListeningPort {
  port: number;
  address: string;
  pid: number;
}

export interface PortListener {
  /** `0.0.0.0` and `::` mean all addresses of the machine. */
  address: string;
  /** For `::`: whether IPv4 connections are left to other sockets. */
  onlyIpv6: boolean;
  /** The user who made it; null when the system does not tell. */
  uid: number | null;
  /** The visible processes that have it open. Empty when the system hides its holder. */
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

/** Whether it is alive, and does not run: after SIGSTOP, Ctrl-Z, or in a debugger. */
export function isSuspended(table: ProcessTable, identity: ProcessIdentity): boolean {
  const state = table.entry(identity.pid)?.state;
  return (state === "T" || state === "t") && presenceOf(table, identity) === "alive";
}

/** A zombie has ended; its parent has not waited for it yet. */
export function isOver(entry: ProcessEntry): boolean {
  return entry.state === "Z" || entry.state === "X";
}

/**
 * When the process began, as a number to compare. A start that belongs to no process (state/elsewhere.ts) has a word
 * after its number.
 */
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

/** A table that looks at each thing once: for showing many launches at one moment, never for signalling. */
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

/** Whether this process runs below one of these. */
export function descendsFrom(table: ProcessTable, pids: Iterable<number>): boolean {
  const above = new Set(pids);
  for (let pid = process.ppid; pid > 1; pid = table.entry(pid)?.ppid ?? 0) if (above.has(pid)) return true;
  return false;
}
