/**
 * How a record written in another pid namespace (a container that shares the directory, or the
 * machine around it) looks from here:
 *
 *   its process                                    then
 *   --------------------------------------------   ------------------------------------------------------------------
 *   visible, in a namespace below ours             known by the pid that it has here: listed and signalled as usual
 *   absent, and all processes are visible          gone
 *   invisible, and its host keeps its hold         as recorded: unknown here (sys/lock/hold.ts)
 *   invisible, and its host's hold has ended       gone
 *   invisible, and no hold was taken               as recorded: unknown here
 *
 * Known limit: when only the host of a launch in a living container is killed, a dt that cannot
 * see the leader takes it for gone.
 */
import { isHeld } from "../sys/lock/hold.ts";
import type { ProcessIdentity, ProcessTable } from "../sys/process/identity.ts";
import type { LaunchRecord } from "./types.ts";

/** `fence`: the file on which the host keeps its hold. */
export function seenFromHere(
  table: ProcessTable,
  { record, fence }: { record: LaunchRecord; fence: string },
): LaunchRecord {
  const isOver = record.held === true && isHeld(fence, record.token) === false;
  const here = (identity: ProcessIdentity): ProcessIdentity => {
    const found = table.locate(identity);
    if (found === null || (found === undefined && isOver)) return nobody(table, identity);
    return found ?? identity;
  };
  return { ...record, host: here(record.host), leader: record.leader === null ? null : here(record.leader) };
}

/** An identity that no process has: the same pid with an impossible start time. */
function nobody(table: ProcessTable, identity: ProcessIdentity): ProcessIdentity {
  return { ...identity, pidNamespace: table.pidNamespace(), startTime: `${identity.startTime}.elsewhere` };
}
