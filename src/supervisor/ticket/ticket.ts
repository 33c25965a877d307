/**
 * The ticket of a start that waits, with the mark of the last stop before it (pending.ts has the table). The start
 * compares that mark with the key's want: a different one means that it was called off.
 */
import { join } from "node:path";
import type { ManagedSettings } from "../../manifest/model/resolved.ts";
import type { Asker, Want } from "../../state/types.ts";
import { unlessUnwritable } from "../../state/unlessunwritable.ts";
import { DtError, EXIT } from "../../sys/base/error.ts";
import { lazy } from "../../sys/base/lazy.ts";
import { statOf } from "../../sys/base/stat.ts";
import { removeFile } from "../../sys/files/removal.ts";
import { type Hold, takeHold } from "../../sys/lock/hold.ts";
import { makePrivateDirectory } from "../../sys/places/privatedirectory.ts";
import { identifySelf, presenceOf } from "../../sys/process/identity.ts";
import { describeAsker } from "../launch/exit.ts";
import type { Announced, Ground, Ticket } from "../launch/types.ts";
import { fileOf, HELD, STARTS, type StartFile, startFileName, startHolderOf, type TicketGround } from "./startfile.ts";

/** How long a waiting start may take to notice that it was called off. */
const LOOK_EVERY_MS = 100;

export type LastStop = NonNullable<Want["lastStop"]>;

/** For whom a ticket is taken: the caller, and what it had announced before the manifests were loaded. */
export interface Asking {
  ground: TicketGround;
  announced: Announced | null;
}

/** One start. Without a ticket, it cannot be called off. */
export interface Ticketed {
  key: string;
  asker: Asker;
  ticket?: Ticket;
}

interface TicketRequest extends Pick<Ticketed, "key" | "asker"> {
  /** What `handTicket` gave to the caller of this dt. */
  handed?: string | undefined;
}

export function takeTicket({ ground, announced }: Asking, { key, asker, handed }: TicketRequest): Ticket {
  const ticket = takenFor(key, handed) ?? makeTicket(ground, { key, announced });
  holdTicket(ground, { key, asker, ticket });
  return ticket;
}

/**
 * For a start that waits for nothing but the key's lock: its file is written only once it does wait (`acquireLock`).
 * What was announced is already visible, and stays so.
 */
export function readTicket(asking: Asking, { key, asker, handed }: TicketRequest): Ticket {
  if (asking.announced !== null) return takeTicket(asking, { key, asker, handed });
  return takenFor(key, handed) ?? makeTicket(asking.ground, { key });
}

export function mayWait({ needs, before, compose }: Pick<ManagedSettings, "needs" | "before" | "compose">): boolean {
  return needs.length + before.length > 0 || compose !== null;
}

/** For a start that waits here until a dt started by this one runs it. Drop it when that dt has ended. */
export function handTicket(
  ground: TicketGround,
  { key, asker }: { key: string; asker: Asker },
): { ticket: Ticket; mark: string } {
  const ticket = makeTicket(ground, { key });
  holdTicket(ground, { key, asker, ticket, isQueued: true });
  return { ticket, mark: ticketMarkOf(key, ticket) };
}

/** The text that passes the ticket on to the dt that this one becomes, or runs. */
export function ticketMarkOf(key: string, { id, after }: Ticket): string {
  return `${key} ${id} ${after ?? ""}`;
}

function makeTicket(
  ground: TicketGround,
  { key, announced = null }: { key: string; announced?: Announced | null | undefined },
): Ticket {
  return {
    id: makeId(),
    after: announced === null ? (lastStopOf(ground, key)?.id ?? null) : announced.lastStopOf(key),
  };
}

export function makeId(): string {
  return crypto.randomUUID().replaceAll("-", "").slice(0, 16);
}

function takenFor(key: string, handed: string | undefined): Ticket | null {
  const [own, id = "", after = ""] = handed?.split(" ") ?? [];
  return own === key && /^[0-9a-f]{16}$/.test(id) ? { id, after: after === "" ? null : after } : null;
}

/**
 * From here on the start waits in this process. On a full disk a stop does not see the start; the start itself then
 * reports the error.
 */
export function holdTicket(
  ground: TicketGround,
  { key, asker, ticket, isQueued = false }: { isQueued?: boolean | undefined } & Ticketed,
): void {
  if (ticket === undefined) return;
  const { store, table } = ground;
  unlessUnwritable(() => {
    store.prepare();
    makePrivateDirectory(join(store.directory, STARTS));
    const hold = holdOn(ground, ticket);
    const caller = fileOf(ground, startFileName(key, ticket))?.caller;
    const file: StartFile = {
      version: 1,
      key,
      holder: identifySelf(table),
      ...(caller === undefined ? {} : { caller }),
      by: asker,
      ...(isQueued ? { isQueued } : {}),
      ...(hold === null ? {} : { hold }),
    };
    store.write(startFileName(key, ticket), file, { durable: false });
  });
}

/** The holds of this process, by ticket. */
const holds = lazy(() => new Map<string, Hold>());

/** Null where the system has no such locks. */
function holdOn({ store }: TicketGround, { id }: Ticket): string | null {
  letGo(id);
  const name = crypto.randomUUID().replaceAll("-", "");
  const hold = takeHold(join(store.directory, HELD), name);
  if (hold !== null) holds().set(id, hold);
  return hold === null ? null : name;
}

function letGo(id: string): void {
  holds().get(id)?.release();
  holds().delete(id);
}

/** The start is over: it was launched, or will not be. */
export function dropTicket({ store }: Pick<Ground, "store">, { key, ticket }: Omit<Ticketed, "asker">): void {
  if (ticket === undefined) return;
  letGo(ticket.id);
  unlessUnwritable(() => removeFile(join(store.directory, startFileName(key, ticket))));
}

/** For a caller that waits no longer: a start that waits in its host goes on there. */
export function leaveTicket(ground: TicketGround, start: Omit<Ticketed, "asker">): void {
  const holder = start.ticket === undefined ? null : startHolderOf(ground, startFileName(start.key, start.ticket));
  const isElsewhere = holder !== null && holder.pid !== process.pid && presenceOf(ground.table, holder) === "alive";
  if (!isElsewhere) dropTicket(ground, start);
}

/** Who stopped the key since the start was requested; null: no one did. */
export function whoCalledOff(ground: TicketGround, { key, ticket }: Omit<Ticketed, "asker">): Asker | null {
  if (ticket === undefined) return null;
  const last = lastStopOf(ground, key);
  return last === null || last.id === ticket.after ? null : last.by;
}

/** Throws `called-off` (exit 130) when it was called off. */
export function refuseCalledOff(ground: TicketGround, start: Omit<Ticketed, "asker">): void {
  const by = whoCalledOff(ground, start);
  if (by !== null) throw calledOffError(start.key, by);
}

export function calledOffError(key: string, by: Asker): DtError {
  return new DtError("called-off", `${key} was not started: it was stopped meanwhile${describeAsker(by)}.`, {
    status: EXIT.interrupted,
    details: { key, by },
  });
}

export function isCalledOff(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === "called-off";
}

/** The signal is aborted, with the error as its reason, once the start is called off. Close it. */
export function watchTicket(
  ground: TicketGround,
  start: Omit<Ticketed, "asker">,
): { signal: AbortSignal; close(): void } {
  const off = new AbortController();
  if (start.ticket === undefined) return { signal: off.signal, close() {} };
  const whoStopped = makeStopLook(ground, start);
  const look = () => {
    const by = whoStopped();
    if (by !== null) off.abort(calledOffError(start.key, by));
  };
  look();
  const timer = setInterval(look, LOOK_EVERY_MS);
  return { signal: off.signal, close: () => clearInterval(timer) };
}

/**
 * `whoCalledOff`, for repeated calls: a want is replaced by another file, never written in place, so it is read only
 * when the file changed.
 */
export function makeStopLook(ground: TicketGround, start: Omit<Ticketed, "asker">): () => Asker | null {
  let seen: string | null = null;
  let by: Asker | null = null;
  return () => {
    const stat = statOf(ground.store.path(start.key, "want"));
    const now = stat === undefined ? "-" : `${stat.ino} ${stat.mtimeMs}`;
    if (now !== seen) by = whoCalledOff(ground, start);
    seen = now;
    return by;
  };
}

export function lastStopOf({ store }: Pick<Ground, "store">, key: string): LastStop | null {
  const want = store.want(key);
  return want.is === "there" ? (want.value.lastStop ?? null) : null;
}
