/**
 * Starts that are under way: asked for and not launched yet, because they wait for a need, for `before`, for their turn or for the key's
 * lock. A stop wins over every start that was asked for before it; a start that is asked for later wins over the stop.
 *
 * No clock decides which was first. Each stop by a person leaves a new mark in the key's want (`lastStop`), under the key's lock. A start reads
 * the mark before it does anything else, and keeps it in its ticket. It compares again under the lock, right before it launches: another
 * mark means that a stop came in between. The file of a ticket, `starts/<key>.<id>.json`, only lets a stop see the start. It names the process
 * that the start waits in. A start that waits for nothing writes none.
 *
 *   killed                              then
 *   ---------------------------------   ----------------------------------------------------------------------------
 *   the start, with its file written    nothing is launched; the file names a process that is gone: the next stop removes it
 *   its caller, once the host has it    the host goes on, and the file names the host
 *   the stop, before its mark           the start goes on, as if nobody had asked for a stop
 *   the stop, after its mark            the start is called off
 *
 * A start of another container, whose process is not seen from here, is over when its hold is (sys/lock/hold.ts). One whose manifests are being
 * loaded has no keys yet: announced.ts.
 *
 * Known limit: a want that was removed by hand, or cannot be read, calls nothing off.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { LOADING } from "../../manifest/depends/begun.ts";
import type { ManagedSettings } from "../../manifest/model/resolved.ts";
import type { Asker, Want } from "../../state/types.ts";
import { DtError, EXIT } from "../../sys/base/error.ts";
import { lazy } from "../../sys/base/lazy.ts";
import { statOf } from "../../sys/base/stat.ts";
import { descendInto } from "../../sys/door/descend.ts";
import { removeFile } from "../../sys/files/removal.ts";
import { type Hold, isHeld, takeHold } from "../../sys/lock/hold.ts";
import { makePrivateDirectory } from "../../sys/places/privatedirectory.ts";
import { identifySelf, type ProcessIdentity, presenceOf } from "../../sys/process/identity.ts";
import { describeAsker } from "../launch/exit.ts";
import { FIRST_MARK } from "../launch/marks.ts";
import type { Announced, Ground, Ticket } from "../launch/types.ts";

export const STARTS = "starts";
/** In the place of a key that is not known yet. */
export const UNNAMED = "unnamed";
const NAME = /^(.+)\.([0-9a-f]{16})\.json$/;
/** How late a start that waits notices that it was called off. */
const LOOK_EVERY_MS = 100;
/** How long a start that was called off may take to end what it runs: a one-shot gets as long after a Ctrl-C. */
const GIVE_UP_MS = 15_000;

interface StartFile {
  version: 1;
  key: string;
  holder: ProcessIdentity;
  by: Asker;
  /** It waits for its turn in a process that starts nothing itself. */
  isQueued?: true;
  /** By what its process holds on, for who does not see that. */
  hold?: string;
}

type LastStop = NonNullable<Want["lastStop"]>;

export type Place = Pick<Ground, "store" | "table">;

/** Of whom a ticket is taken: who asks, and what they had announced before the manifests were loaded. */
export interface Asking {
  ground: Place;
  announced: Announced | null;
}

/** Who needs no ticket for one key, since it is no start of that key, has none. */
export interface Ticketed {
  key: string;
  asker: Asker;
  ticket?: Ticket;
}

/** `handed`: what `handTicket` gave to whoever runs this dt. */
export function takeTicket({ ground, announced }: Asking, key: string, asker: Asker, handed?: string): Ticket {
  const ticket = takenFor(key, handed) ?? makeTicket(ground, key, announced);
  holdTicket(ground, { key, asker, ticket });
  return ticket;
}

/**
 * Of a start that has nothing to wait for but the key's lock: its file is written when it does wait (`acquireLock`). What was announced is seen,
 * and stays so.
 */
export function readTicket(asking: Asking, key: string, asker: Asker, handed?: string): Ticket {
  if (asking.announced !== null) return takeTicket(asking, key, asker, handed);
  return takenFor(key, handed) ?? makeTicket(asking.ground, key);
}

export function mayWait({ needs, before, compose }: Pick<ManagedSettings, "needs" | "before" | "compose">): boolean {
  return needs.length + before.length > 0 || compose !== null;
}

/** For a start that waits here until a dt of its own runs it. To be dropped when that has ended. */
export function handTicket(ground: Place, key: string, asker: Asker): { ticket: Ticket; mark: string } {
  const ticket = makeTicket(ground, key);
  holdTicket(ground, { key, asker, ticket }, true);
  return { ticket, mark: markOf(key, ticket) };
}

/** What hands the ticket on to the dt that this one becomes, or runs. */
export function markOf(key: string, { id, after }: Ticket): string {
  return `${key} ${id} ${after ?? ""}`;
}

function makeTicket(ground: Place, key: string, announced: Announced | null = null): Ticket {
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

/** From here on the start waits in this process. A disk that takes no file hides the start from a stop, and the start itself will say why. */
export function holdTicket(ground: Place, { key, asker, ticket }: Ticketed, isQueued = false): void {
  if (ticket === undefined) return;
  const { store, table } = ground;
  try {
    store.prepare();
    makePrivateDirectory(join(store.directory, STARTS));
    const hold = holdOn(ground, ticket);
    const file: StartFile = {
      version: 1,
      key,
      holder: identifySelf(table),
      by: asker,
      ...(isQueued ? { isQueued } : {}),
      ...(hold === null ? {} : { hold }),
    };
    store.write(nameOf(key, ticket), file, { durable: false });
  } catch (error) {
    if (!(error instanceof DtError)) throw error;
  }
}

/** What this process holds, by ticket. */
const holds = lazy(() => new Map<string, Hold>());

export const HELD = `${STARTS}.held`;

/** Null where there are no such locks. */
function holdOn({ store }: Place, { id }: Ticket): string | null {
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
  try {
    removeFile(join(store.directory, nameOf(key, ticket)));
  } catch (error) {
    if (!(error instanceof DtError)) throw error;
  }
}

/** Whether another process has taken it over. */
export function isHeldElsewhere(ground: Place, { key, ticket }: Omit<Ticketed, "asker">): boolean {
  const holder = ticket === undefined ? null : holderOf(ground, nameOf(key, ticket));
  return holder !== null && holder.pid !== process.pid;
}

/** Who stopped the key since the start was asked for; null: nobody. */
export function whoCalledOff(ground: Place, { key, ticket }: Omit<Ticketed, "asker">): Asker | null {
  if (ticket === undefined) return null;
  const last = lastStopOf(ground, key);
  return last === null || last.id === ticket.after ? null : last.by;
}

/** Throws when it was. */
export function refuseCalledOff(ground: Place, start: Omit<Ticketed, "asker">): void {
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

/** Aborted, with the error as its reason, once the start is called off. To be closed. */
export function watchTicket(ground: Place, start: Omit<Ticketed, "asker">): { signal: AbortSignal; close(): void } {
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

/** `whoCalledOff`, to be asked again and again: a want is replaced by another file, never written in place, so it is read when that changed. */
export function makeStopLook(ground: Place, start: Omit<Ticketed, "asker">): () => Asker | null {
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

/** What a stop by this person leaves in the want. */
export function markStop(by: Asker): LastStop {
  return { id: crypto.randomUUID(), by };
}

/** Keys of which a start is under way. */
export function pendingKeys(ground: Place): string[] {
  const found = new Set<string>();
  for (const { key, name } of startsIn(ground))
    if (key !== UNNAMED && !found.has(key) && isWaiting(ground, name)) found.add(key);
  return [...found];
}

export function pendingStarts(ground: Place, key: string): string[] {
  return startsIn(ground).flatMap((one) => (one.key === key && isWaiting(ground, one.name) ? [one.name] : []));
}

/** Who asked for these starts. */
export function askersOf(ground: Place, names: readonly string[]): Asker[] {
  return names.flatMap((name) => fileOf(ground, name)?.by ?? []);
}

/**
 * Whether one of these starts waits for a process that this one descends from, and that runs first for it (its `before`, a one-shot that it
 * needs, the manifest): such a stop clears the ground for the start, and is not meant for it.
 */
export function isWithin(ground: Place & Pick<Ground, "env">, key: string, names: readonly string[]): boolean {
  const { [FIRST_MARK]: first = "", [LOADING]: loading } = ground.env;
  if (loading === undefined && !first.split(" ").includes(key)) return false;
  const holders = new Set(
    names.flatMap((name) => (isQueuedIn(ground, name) ? [] : (holderOf(ground, name)?.pid ?? []))),
  );
  for (let pid = process.ppid; pid > 1; pid = ground.table.entry(pid)?.ppid ?? 0) if (holders.has(pid)) return true;
  return false;
}

/** Resolves when these starts are over, and what they ran with them, or have taken too long for that. */
export async function awaitGivenUp(ground: Place, names: readonly string[]): Promise<void> {
  const deadline = performance.now() + GIVE_UP_MS;
  // What only waits for its turn runs nothing yet.
  while (names.some((name) => isWaiting(ground, name) && !isQueuedIn(ground, name)) && performance.now() < deadline)
    await Bun.sleep(5);
}

/** Removes the files of starts that are over without having said so. */
export function clearStarts(ground: Place, key: string): void {
  for (const one of startsIn(ground)) if (one.key === key) clearStart(ground, one.name);
}

export function clearStart(ground: Place, name: string): void {
  if (!isWaiting(ground, name)) removeFile(join(ground.store.directory, name));
}

export function startsIn({ store }: Pick<Ground, "store">): { key: string; name: string }[] {
  let names: string[];
  try {
    names = descendInto(join(store.directory, STARTS), (at) => readdirSync(at));
  } catch {
    return []; // nothing was ever started here, or the place is not dt's
  }
  return names.flatMap((name) => {
    const key = NAME.exec(name)?.[1];
    return key === undefined ? [] : [{ key, name: join(STARTS, name) }];
  });
}

export function isWaiting(ground: Place, name: string): boolean {
  const file = fileOf(ground, name);
  if (file === null) return false;
  const { holder, hold } = file;
  const presence = presenceOf(ground.table, holder);
  if (presence !== "unknown") return presence === "alive";
  const seen = ground.table.locate(holder);
  if (seen !== undefined) return seen !== null && presenceOf(ground.table, seen) === "alive";
  // Of a container beside this one.
  return hold === undefined || isHeld(join(ground.store.directory, HELD), hold) !== false;
}

function holderOf(ground: Place, name: string): ProcessIdentity | null {
  return fileOf(ground, name)?.holder ?? null;
}

function isQueuedIn(ground: Place, name: string): boolean {
  return fileOf(ground, name)?.isQueued === true;
}

function fileOf({ store }: Place, name: string): StartFile | null {
  const file = store.read(name, (value) => value as StartFile);
  return file.is === "there" ? file.value : null;
}

function nameOf(key: string, { id }: Ticket): string {
  return join(STARTS, `${key}.${id}.json`);
}
