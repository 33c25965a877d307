/**
 * A record that was written in another pid namespace (a container that shares the directory, or the machine around it), as it is from here:
 *
 *   its process                                    then
 *   --------------------------------------------   ------------------------------------------------------------------
 *   is seen, as the namespace lies below ours      by the pid that it has here: it is listed and signalled as ever
 *   is nowhere, and all processes are seen         gone
 *   is not seen, and its host holds on             as recorded: unknown here (sys/hold.ts)
 *   is not seen, and its host holds on no more     gone
 *   is not seen, and no hold was taken             as recorded: unknown here
 *
 * Known limit: a host that alone was killed, in a container that lives, leaves a leader that is taken for gone by who does not see it.
 */
import { isHeld } from "../sys/hold.ts";
import type { ProcessIdentity, ProcessTable } from "../sys/identity.ts";
import type { LaunchRecord } from "./types.ts";

/** `fence`: the file that its host holds. */
export function seenFromHere(table: ProcessTable, record: LaunchRecord, fence: string): LaunchRecord {
  const isOver = record.held === true && isHeld(fence, record.token) === false;
  const here = (identity: ProcessIdentity): ProcessIdentity => {
    const found = table.locate(identity);
    if (found === null || (found === undefined && isOver)) return nobody(table, identity);
    return found ?? identity;
  };
  return { ...record, host: here(record.host), leader: record.leader === null ? null : here(record.leader) };
}

/** What no process is: the same number at a time of no clock. */
function nobody(table: ProcessTable, identity: ProcessIdentity): ProcessIdentity {
  return { ...identity, pidNamespace: table.pidNamespace(), startTime: `${identity.startTime}.elsewhere` };
}
