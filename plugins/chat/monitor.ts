/** `dt chat monitor`: watches the folders and keeps every conversation up to date until it is stopped. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { visible, type Within } from "@dialtone/dt";
import { type Events, watchEvents } from "./events.ts";
import { makeIndexing } from "./indexing.ts";
import { tryLock } from "./lock.ts";
import { makeUpdates } from "./onupdate.ts";
import { makeQueue } from "./queue.ts";
import { loadSettings, patternsOf, SETTINGS, type Settings } from "./settings.ts";
import { type Entry, openStore } from "./store.ts";
import { update } from "./update.ts";

const STANDBY_MS = 500;
const GRACE_MS = 2000;

/** Resolves with the exit code once it is stopped. */
export async function monitor(home: string, root: string): Promise<number> {
  const stopped = Promise.withResolvers<void>();
  let isStopped = false;
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const)
    process.on(signal, () => {
      isStopped = true;
      stopped.resolve();
    });
  const store = openStore(root);
  const lock = await standBy(store.folder, stopped.promise);
  if (lock === null) return 0;

  let settings = firstSettings(home);
  const indexing = makeIndexing(store, say);
  const updates = makeUpdates(store, { settings: () => settings, log: say });
  let events: Events | null = null;
  const queue = makeQueue({
    look(path, settled) {
      const { id, kept, changed, more, unsettled, notes } = update(store, {
        path,
        settled,
        pending: settings.onUpdate !== null,
        folders: settings.folders,
      });
      for (const note of notes) say(`${path}: ${note}`);
      if (changed) {
        indexing.add(id);
        if (kept !== null) indexing.add(kept);
        if (settings.onUpdate !== null && !more) updates.add(id);
      }
      if (!existsSync(path)) queue.forget(path);
      return { more, unsettled };
    },
    onFault: (path, error) => say(`${path}: could not be read and will be tried again: ${error.message}`),
  });

  const known = (): Iterable<Entry> => {
    try {
      return store.index().values();
    } catch {
      return []; // reported when the index was reconciled
    }
  };
  const seen = new Set<string>();
  let begun = false;
  const watch = () => {
    seen.clear();
    // Events name files by their real paths.
    const own = join(store.folder.folder, SETTINGS);
    events = watchEvents([...patternsOf(settings), own], {
      path(path) {
        if (path === own) {
          if (begun) void reload();
          return;
        }
        seen.add(path);
        queue.add(path);
      },
      ready() {
        begun = true;
        // Files that disappeared while no monitor ran.
        for (const { source } of known())
          if (source.state !== "gone" && source.state !== "rotated" && !existsSync(source.path)) queue.add(source.path);
        say(`ready: watching ${seen.size} transcripts in ${settings.folders.join(", ") || "no folder"}`);
        seen.clear();
      },
      trouble: say,
    });
  };
  let loaded = JSON.stringify(settings);
  async function reload(): Promise<void> {
    let next: Settings;
    try {
      next = loadSettings(home);
    } catch (error) {
      say(`${(error as Error).message}; the previous settings stay in effect`);
      return;
    }
    if (JSON.stringify(next) === loaded) return;
    loaded = JSON.stringify(next);
    settings = next;
    say("the settings have changed");
    await events?.close();
    if (!isStopped) watch();
  }

  try {
    store.reconcile();
  } catch (error) {
    say(`the index could not be read: ${(error as Error).message}`);
  }
  for (const id of store.pending()) updates.add(id);
  watch();
  await stopped.promise;
  queue.close();
  await (events as Events | null)?.close();
  await updates.close(GRACE_MS);
  indexing.flush();
  lock.release();
  say("stopped");
  return 0;
}

/** A monitor never exits by itself: if the settings are wrong from the beginning, it waits until they are fixed. */
function firstSettings(home: string): Settings {
  try {
    return loadSettings(home);
  } catch (error) {
    say(`${(error as Error).message}; nothing is watched until that is fixed`);
    return { folders: [], include: [], onUpdate: null, onUpdateTimeoutMs: 0 };
  }
}

function say(text: string): void {
  console.log(visible(text, { lines: true }));
}

/** One monitor works on a store; another waits and takes its place when it ends. Null: stopped while waiting. */
async function standBy(folder: Within, stopped: Promise<void>): Promise<{ release(): void } | null> {
  let isStopped = false;
  void stopped.then(() => {
    isStopped = true;
  });
  for (let tries = 0; !isStopped; tries++) {
    const lock = tryLock(folder, "monitor.lock");
    if (lock !== null) return lock;
    if (tries === 0) say("ready: another monitor works on these conversations; waiting to take its place");
    await Promise.race([stopped, Bun.sleep(STANDBY_MS)]);
  }
  return null;
}
