/** A made-up process table: what the kernel would say, as data. This very process is always in it. */
import type { ProcessEntry, ProcessIdentity, ProcessTable } from "../../../src/sys/process/identity.ts";
import { lineageFor } from "../../../src/sys/process/lineage.ts";

export const BOOT = "boot-now";
export const NAMESPACE = "pid:[here]";

export interface FakeProcess extends Partial<ProcessEntry> {
  pid: number;
  /** Its initial environment; null: cannot be read. */
  env?: Record<string, string> | null;
  /** Default: a made-up one. */
  commandLine?: string;
  /** Inodes it has open for writing. */
  writes?: number[];
  /**
   * Of those that write: who has the same has the same open file description. Default: one of its own; null: cannot be
   * seen.
   */
  description?: string | null;
  /** The token that its lineage was made of. Default: none. */
  lineage?: string;
  /** Of this user, and what it has open cannot be seen. */
  hidesFor?: number;
  /** Another user's, or in a container. */
  isOthers?: boolean;
}

export interface FakeTable extends ProcessTable {
  processes: Map<number, FakeProcess>;
  /** Called before an entry is looked up: where a test lets something happen in the middle. */
  onEntry: (pid: number) => void;
  identity(pid: number): ProcessIdentity;
}

export function fakeTable(list: readonly FakeProcess[], self: FakeProcess = { pid: process.pid }): FakeTable {
  const processes = new Map([self, ...list].map((one) => [one.pid, one]));
  const entryOf = (one: FakeProcess): ProcessEntry => ({
    ppid: 1,
    pgid: one.pid,
    sid: one.pid,
    startTime: "1000",
    state: "S",
    comm: "program",
    ...one,
  });
  const table: FakeTable = {
    processes,
    onEntry: () => {},
    identity: (pid) => ({
      pid,
      startTime: entryOf(processes.get(pid) ?? { pid }).startTime,
      bootId: BOOT,
      pidNamespace: NAMESPACE,
    }),
    bootId: () => BOOT,
    pidNamespace: () => NAMESPACE,
    list: () => [...processes.values()].map(entryOf),
    pids: () => [...processes.keys()],
    entry(pid) {
      table.onEntry(pid);
      const one = processes.get(pid);
      return one === undefined ? null : entryOf(one);
    },
    environmentOf(pid, name) {
      const env = processes.get(pid)?.env;
      return env === null ? undefined : (env?.[name] ?? null);
    },
    commandLineOf: (pid) => processes.get(pid)?.commandLine ?? `command of ${pid}`,
    lineageOf: (pid) => lineageFor(processes.get(pid)?.lineage ?? ""),
    isWriting: (pid, file) => processes.get(pid)?.writes?.includes(file.ino) ?? false,
    shareDescription(file, [pid, other]) {
      const [a, b] = [processes.get(pid), processes.get(other)];
      if (!a?.writes?.includes(file.ino) || !b?.writes?.includes(file.ino)) return false;
      if (a.description === null || b.description === null) return undefined;
      return a.description !== undefined && a.description === b.description;
    },
    listeningPorts: () => [],
    listenersOn: () => [],
    hidingProcessesOf: (uid) => [...processes.values()].flatMap((one) => (one.hidesFor === uid ? [one.pid] : [])),
    signal: () => "unknown",
    signalGroup: () => null,
    becomeSubreaper: () => false,
    childrenOf: () => [],
    forestOf: () => null,
    isOwn: (pid) => processes.get(pid)?.isOthers !== true,
    locate: () => undefined,
    directoriesOf: () => [],
  };
  return table;
}
