/** Ends the tree of a child of this host that is no launch: of a one-shot, or of what `restartOn` runs. */
import { identify } from "../../sys/process/identity.ts";
import type { Ground } from "../launch/types.ts";
import { makeTreeQuery } from "../tree/query.ts";
import { stopTree } from "../tree/stoptree.ts";

interface EndTreeRequest {
  pid: number;
  token: string;
  key: string;
  signal: string;
  timeoutMs: number;
  hard?: AbortSignal;
}

/** Ends what was started with this token as its lineage. */
export async function endTree(
  { table, root }: Pick<Ground, "table" | "root">,
  { pid, token, key, ...how }: EndTreeRequest,
): Promise<void> {
  const entry = table.entry(pid);
  if (entry === null) return;
  const leader = identify(table, entry);
  const query = makeTreeQuery({ key, root, token, leader, isUnnamed: true });
  await stopTree({ table, query, ...how, wholeTree: true });
}
