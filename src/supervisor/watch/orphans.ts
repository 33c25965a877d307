/** The orphans of this process: they lost their parent and fell to it, because it is a subreaper or PID 1. */
import { libc } from "../../sys/ffi/libc.ts";
import { isOver, type ProcessEntry } from "../../sys/process/identity.ts";
import { bunChildren } from "../../sys/spawn/bunspawn.ts";
import type { Ground } from "../launch/types.ts";

const WNOHANG = 1;

/**
 * Those that live. Those that have ended are reaped here, since Bun reaps only what Bun spawned. `isOwn`: whether this
 * host started the child.
 */
export function liveOrphans({ table }: Pick<Ground, "table">, isOwn: (pid: number) => boolean): ProcessEntry[] {
  return table.childrenOf(process.pid).flatMap((pid) => {
    const entry = isOwn(pid) || bunChildren().has(pid) ? null : table.entry(pid);
    if (entry === null) return [];
    if (isOver(entry)) libc().waitpid(pid, null, WNOHANG);
    return isOver(entry) ? [] : [entry];
  });
}
