/**
 * Starts whose manifests are being loaded. dt does not know yet which keys such a start has, so it has no tickets
 * (pending.ts), and a manifest may take seconds to load. A stop that comes meanwhile still wins over it:
 *
 *   the key is    then the stop
 *   -----------   -----------------------------------------------------------------------------------------------------
 *   running       ends the launch and leaves its mark as usual, without waiting for any load. The start remembers each
 *                 key's mark from before the load, so it finds a different one and is called off
 *   not running   waits until the start has named its keys by taking tickets, or is over. After 15 s, or if that
 *                 process is stopped, it leaves its mark all the same and returns
 *
 * The file, `starts/unnamed.<id>.json`, is written after the marks were read, so a stop that does not see it yet came
 * first. It is removed when the tickets are there. The file of a process that is gone counts for nothing, and the next
 * dt that meets it removes it.
 *
 * A stop that a manifest runs while it is loaded does not wait for any load, because that load waits for the stop.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { LOADING } from "../../manifest/depends/begun.ts";
import type { Asker } from "../../state/types.ts";
import { removeEmptyDirectory, removeFile } from "../../sys/files/removal.ts";
import type { Announced, Ground } from "../launch/types.ts";
import {
  askersOf,
  clearStart,
  HELD,
  isHeldStill,
  isWaiting,
  STARTS,
  startsIn,
  type TicketGround,
  UNNAMED,
} from "./startfile.ts";
import { dropTicket, holdTicket, lastStopOf, makeId } from "./ticket.ts";

/** A load has its own time limit, but may have to wait for other loads. */
const WAIT_MS = 15_000;
/** A process that is stopped (Ctrl-Z) while it loads is waited for no longer than this. */
const STOPPED_MS = 500;
/** A wait shorter than this is not reported. */
const QUIET_MS = 1000;
const LOOK_EVERY_MS = 5;

/** Call it before the manifests are loaded, and close it when the start has its tickets. */
export function announceStart(ground: TicketGround, asker: Asker): Announced {
  const stops = new Map(ground.store.wanted().map((key) => [key, lastStopOf(ground, key)?.id ?? null]));
  const start = { key: UNNAMED, asker, ticket: { id: makeId(), after: null } };
  const isFirst = !existsSync(ground.store.directory);
  holdTicket(ground, start);
  const close = () => {
    process.off("exit", close);
    dropTicket(ground, start);
    if (isFirst) removeUnused(ground);
  };
  // For a call that fails before it closes this.
  process.once("exit", close);
  return { lastStopOf: (key) => stops.get(key) ?? null, close };
}

/**
 * A call with a wrong name, or of a one-shot, creates no run directory. Directories that are in use are not empty, so
 * they stay.
 */
function removeUnused({ store }: TicketGround): void {
  const inside = (name: string) => join(store.directory, name);
  try {
    for (const name of [STARTS, "launch"]) removeEmptyDirectory(inside(name));
    removeFile(inside(HELD));
    removeEmptyDirectory(store.directory);
  } catch {
    // the directory stays
  }
}

/** The starts whose manifests are being loaded. */
export function announcedStarts(ground: TicketGround & Pick<Ground, "env">): string[] {
  if (ground.env[LOADING] !== undefined) return [];
  return startsIn(ground).flatMap(({ key, name }) => (key === UNNAMED ? [name] : []));
}

/**
 * Resolves when these starts have named their keys or are over; false when that takes too long. `say`: after a while,
 * what it waits for.
 */
export async function awaitNamed(
  ground: TicketGround,
  { names, say = () => {} }: { names: readonly string[]; say?: ((text: string) => void) | undefined },
): Promise<boolean> {
  const began = performance.now();
  let isSaid = false;
  for (const name of names) {
    while (isWaiting(ground, name)) {
      const waitedMs = performance.now() - began;
      if (waitedMs > WAIT_MS || (waitedMs > STOPPED_MS && isHeldStill(ground, name))) return false;
      if (waitedMs > QUIET_MS && !isSaid) {
        isSaid = true;
        for (const by of askersOf(ground, [name]))
          say(
            `waiting for ${by.command} (pid ${by.pid}) to load its manifests: until then it is unknown what it starts`,
          );
      }
      await Bun.sleep(LOOK_EVERY_MS);
    }
    clearStart(ground, name);
  }
  return true;
}
