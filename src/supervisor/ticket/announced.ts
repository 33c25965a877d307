/**
 * Starts whose manifests are being loaded. Which keys such a start has is not known yet, so it has no tickets (pending.ts); a manifest may take
 * seconds. A stop that comes meanwhile wins over it all the same:
 *
 *   the key is          then the stop
 *   -----------------   ----------------------------------------------------------------------------------------------------
 *   running             ends the launch and leaves its mark, as ever, and waits for nobody's manifest. The start knows each key's mark of
 *                       before the load, so it finds another one, and is called off
 *   not running         waits until the start has named its keys, which it then does by tickets, or until it is over; after 15 s it leaves its
 *                       mark all the same, and goes
 *
 * The file, `starts/unnamed.<id>.json`, is written after the marks were read: whoever stops before it is there came first. It goes when the tickets
 * are there. One of a process that is gone counts for nothing, and is removed by whoever meets it.
 *
 * A stop that a manifest runs while it is loaded waits for no load, for that one waits for it.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { LOADING } from "../../manifest/depends/begun.ts";
import type { Asker } from "../../state/types.ts";
import { removeEmptyDirectory, removeFile } from "../../sys/files/removal.ts";
import type { Announced, Ground } from "../launch/types.ts";
import { askersOf, clearStart, HELD, isWaiting, type Place, STARTS, startsIn, UNNAMED } from "./startfile.ts";
import { dropTicket, holdTicket, lastStopOf, makeId } from "./ticket.ts";

/** A load has its own limit, but may have to wait for others'. */
const WAIT_MS = 15_000;
/** What is over by then needs no word. */
const QUIET_MS = 1000;
const LOOK_EVERY_MS = 5;

/** To be called before the manifests are loaded, and closed when the start has its tickets. */
export function announceStart(ground: Place, asker: Asker): Announced {
  const stops = new Map(ground.store.wanted().map((key) => [key, lastStopOf(ground, key)?.id ?? null]));
  const start = { key: UNNAMED, asker, ticket: { id: makeId(), after: null } };
  const isFirst = !existsSync(ground.store.directory);
  holdTicket(ground, start);
  const close = () => {
    process.off("exit", close);
    dropTicket(ground, start);
    if (isFirst) removeUnused(ground);
  };
  // Of a call that comes to nothing.
  process.once("exit", close);
  return { lastStopOf: (key) => stops.get(key) ?? null, close };
}

/** A wrong name, or a one-shot, leaves no run directory where there was none. What is in use is not empty. */
function removeUnused({ store }: Place): void {
  const inside = (name: string) => join(store.directory, name);
  try {
    for (const name of [STARTS, "launch"]) removeEmptyDirectory(inside(name));
    removeFile(inside(HELD));
    removeEmptyDirectory(store.directory);
  } catch {
    // it stays
  }
}

/** The starts that are being loaded. */
export function announcedStarts(ground: Place & Pick<Ground, "env">): string[] {
  if (ground.env[LOADING] !== undefined) return [];
  return startsIn(ground).flatMap(({ key, name }) => (key === UNNAMED ? [name] : []));
}

/** Resolves when these have named their keys, or are over; false when they take too long for that. `say`: what is waited for, after a while. */
export async function awaitNamed(
  ground: Place,
  names: readonly string[],
  say: (text: string) => void = () => {},
): Promise<boolean> {
  const began = performance.now();
  let isSaid = false;
  for (const name of names) {
    while (isWaiting(ground, name)) {
      const waitedMs = performance.now() - began;
      if (waitedMs > WAIT_MS) return false;
      if (waitedMs > QUIET_MS && !isSaid) {
        isSaid = true;
        for (const by of askersOf(ground, [name]))
          say(
            `waiting until ${by.command} (pid ${by.pid}) has loaded its manifests: only then it is known what it starts`,
          );
      }
      await Bun.sleep(LOOK_EVERY_MS);
    }
    clearStart(ground, name);
  }
  return true;
}
