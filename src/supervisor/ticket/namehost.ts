/**
 * A start that a caller passes on to a host: the start's file names both as soon as the host exists. The host may
 * launch once it has read what to start, and by then its caller may be gone: killed, or called off itself. If the host
 * is gone, its caller asks another.
 */

import { unlessUnwritable } from "../../state/unlessunwritable.ts";
import { identify, identifySelf } from "../../sys/process/identity.ts";
import { fileOf, isUnclaimed, type StartFile, startFileName, type TicketGround } from "./startfile.ts";
import { dropTicket, type Ticketed } from "./ticket.ts";

type Start = Omit<Ticketed, "asker">;

/** Call it before writing to the host what to start. A start without a file gets none. */
export function nameHost(ground: TicketGround, { start: { key, ticket }, pid }: { start: Start; pid: number }): void {
  const host = ground.table.entry(pid);
  if (ticket === undefined || host === null) return;
  const name = startFileName(key, ticket);
  const file = fileOf(ground, name);
  if (file === null) return;
  const { isQueued: _, ...own } = file;
  const holder = identify(ground.table, host);
  const named = { ...own, holder, caller: identifySelf(ground.table), isOffered: true } satisfies StartFile;
  // On a full disk a stop does not see the start, as in `holdTicket`.
  unlessUnwritable(() => ground.store.write(name, named, { durable: false }));
}

/** Takes a start off the list whose caller was killed after it had named this process. */
export function dropUnclaimed(ground: TicketGround, start: Start): void {
  if (start.ticket === undefined) return;
  const name = startFileName(start.key, start.ticket);
  if (fileOf(ground, name)?.holder.pid === process.pid && isUnclaimed(ground, name)) dropTicket(ground, start);
}

/** Whether the start has a file, so that a stop sees it. */
export function isVisible(ground: TicketGround, { key, ticket }: Start): boolean {
  return ticket !== undefined && fileOf(ground, startFileName(key, ticket)) !== null;
}
