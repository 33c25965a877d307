/** What may be left of a launch that was ended. */
import type { LaunchRecord } from "../../state/types.ts";
import { DtError, EXIT } from "../../sys/base/error.ts";
import { type ProcessEntry, type ProcessTable, startOf } from "../../sys/process/identity.ts";
import type { Site } from "../launch/types.ts";
import { isInTheWay } from "../port/listening.ts";
import type { StopTreeResult, Survivor } from "../tree/stoptree.ts";

/**
 * Throws `survivors` (exit 5) when a port is still open after the tree is gone, on an address where the tree or a
 * typical server had it. The process there escaped the tree unseen, or took the port in between; it is named either
 * way.
 */
export function checkPortsFree(
  { table }: Site,
  { record, stopped: { ports, passedOver } }: { record: LaunchRecord; stopped: StopTreeResult },
): void {
  const numbers = new Set([...ports.map((one) => one.port), ...(record.port === null ? [] : [record.port])]);
  for (const port of numbers) {
    const addresses = ports.flatMap((one) => (one.port === port ? [one.address] : []));
    const spared = new Set(passedOver.map((one) => one.identity.pid));
    const survivors = survivorsOn(table, { record, port, addresses }).filter(({ pid }) => !spared.has(pid));
    if (survivors.length > 0) throw survivorError(record.key, survivors);
  }
}

function survivorsOn(
  table: ProcessTable,
  { record, port, addresses }: { record: LaunchRecord; port: number; addresses: string[] },
): Survivor[] {
  const open = table.listenersOn(port).filter((one) => isInTheWay(one) || addresses.includes(one.address));
  const uid = process.geteuid?.() ?? null;
  const isHidden = uid !== null && open.some((one) => one.pids.length === 0 && one.uid === uid);
  const hiding = isHidden ? table.hidingProcessesOf(uid) : [];
  const isOlder = (entry: ProcessEntry) => record.leader !== null && startOf(entry) < startOf(record.leader);
  return [...new Set([...open.flatMap((one) => one.pids), ...hiding])].flatMap((pid): Survivor[] => {
    const entry = table.entry(pid);
    if (entry === null || isOlder(entry)) return [];
    // It belongs to another launch.
    if (typeof table.environmentOf(pid, "DIALTONE_TOKEN") === "string" || typeof table.lineageOf(pid) === "bigint")
      return [];
    const why = hiding.includes(pid)
      ? `something listens on port ${port} of this launch, and may be this process, whose open files are hidden`
      : `it listens on port ${port} of this launch, but nothing proves that it belongs to the launch`;
    return [{ pid, command: table.commandLineOf(pid), why }];
  });
}

export function survivorError(key: string, survivors: Survivor[]): DtError {
  return new DtError("survivors", `${key} was stopped, but not all of it is known to be gone:`, {
    lines: survivors.flatMap((one) => [`  pid ${one.pid}  ${one.command}`, `      ${one.why}`]),
    status: EXIT.survivors,
    hint: "Look at these processes; end them yourself if they are yours.",
    details: { key, survivors },
  });
}
