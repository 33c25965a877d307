/**
 * What searches have read of processes, for the searches that follow soon: a stop searches several times, and a stop of
 * many launches hundreds of times, through the same strangers.
 *
 *   what           is kept
 *   ------------   ---------------------------------------------------------------------------------------------
 *   the lineage    for as long as the process lives: it has it from its first instant
 *   a variable     for 100 ms, since a process that becomes another program gets another environment
 */
import { lazy } from "../../sys/base/lazy.ts";
import type { ProcessEntry, ProcessTable } from "../../sys/process/identity.ts";

const FRESH_MS = 100;
/** Processes that are gone are forgotten when there are this many more than live. */
const MOST_GONE = 1000;

interface Known {
  lineage?: { is: ReturnType<ProcessTable["lineageOf"]> };
  variables: Map<string, { is: ReturnType<ProcessTable["environmentOf"]>; at: number }>;
}

const known = lazy(() => new WeakMap<ProcessTable, Map<string, Known>>());

/** The table, for one search that has found these processes. Others are asked as before. */
export function rememberedIn(table: ProcessTable, entries: readonly ProcessEntry[]): ProcessTable {
  const all = known().get(table) ?? new Map<string, Known>();
  if (all.size > entries.length + MOST_GONE) all.clear();
  known().set(table, all);
  const names = new Map(entries.map((entry) => [entry.pid, `${entry.pid}/${entry.startTime}/${entry.comm}`]));
  const of = (pid: number): Known | null => {
    const name = names.get(pid);
    if (name === undefined) return null;
    const one = all.get(name) ?? { variables: new Map() };
    all.set(name, one);
    return one;
  };
  return {
    ...table,
    lineageOf(pid) {
      const one = of(pid);
      if (one === null) return table.lineageOf(pid);
      one.lineage ??= { is: table.lineageOf(pid) };
      return one.lineage.is;
    },
    environmentOf(pid, name) {
      const one = of(pid);
      if (one === null) return table.environmentOf(pid, name);
      const before = one.variables.get(name);
      const now = performance.now();
      if (before !== undefined && now - before.at < FRESH_MS) return before.is;
      const is = table.environmentOf(pid, name);
      one.variables.set(name, { is, at: now });
      return is;
    },
  };
}
