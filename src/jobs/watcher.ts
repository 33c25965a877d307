/**
 * The watches of one root's manifests: what changes is compared with what is known of it, named after its target, gathered and queued, and run as a
 * job. Of all who could, one watches a root: whoever has the lock in its run directory.
 */
import { dirname, join, relative } from "node:path";
import type { ManifestIndex, ResolvedPlugin, ResolvedWatch } from "../manifest/model/resolved.ts";
import { refuseChangedIn } from "../supervisor/ground/ground.ts";
import { logsOf } from "../supervisor/prepare/declaredlogs.ts";
import { sha256 } from "../sys/base/digest.ts";
import { messageOf } from "../sys/base/error.ts";
import { identifyFolder, isSameFolder } from "../sys/base/folder.ts";
import { statOf } from "../sys/base/stat.ts";
import { type FileLock, tryFlock } from "../sys/files/flock.ts";
import { makePrivateDirectory, runDirectoryOf } from "../sys/places/paths.ts";
import { isRootThere } from "../sys/places/root.ts";
import { makeSeal } from "../sys/seal/seal.ts";
import { LONGEST, TIMERS } from "../sys/watch/batch.ts";
import { describeUnmatched, type Trees, watchTrees } from "../sys/watch/trees.ts";
import { makeLoops } from "./loops.ts";
import { makeQueue } from "./queue.ts";
import { type Known, openKnown } from "./snapshot.ts";
import { nameTargets, type Target } from "./target.ts";
import type { Log, RootWatch, RootWatchOptions } from "./types.ts";

const RETRY_MS = 1000;
/** Changes that come within this time are looked at together. */
const GATHER_MS = 10;
const SAVE_MS = 200;
const AGAIN_MS = 5000;
/** How late a change is heard of. */
const LATE_MS = 30;
const LOCK_TRIES = 3;

/** Null when somebody else watches this root. */
export function watchRoot(options: RootWatchOptions): RootWatch | null {
  const { world, root } = options;
  const directory = join(runDirectoryOf(root, world.env), "watch");
  const lock = lockOf(directory);
  if (lock === "busy") return null;
  const open = new Map<string, Promise<OneWatch>>();
  return {
    async set(index) {
      const wanted = wantedOf(index, options.plugin);
      for (const [who, one] of open) {
        if (wanted.has(who)) continue;
        open.delete(who);
        void one.then((watch) => watch.close()).catch(() => {});
      }
      for (const [who, entry] of wanted)
        if (!open.has(who)) open.set(who, openWatch(options, directory, who, entry, logsOf(root, index)));
      await Promise.allSettled(open.values());
    },
    async idle() {
      for (const one of open.values()) await (await one).idle();
    },
    close() {
      for (const one of open.values()) void one.then((watch) => watch.close()).catch(() => {});
      open.clear();
      lock?.release();
    },
  };
}

function lockOf(directory: string): FileLock | "busy" | null {
  try {
    makePrivateDirectory(join(directory, ".."));
    makePrivateDirectory(directory);
    let tried = tryFlock(join(directory, "watch.lock"));
    // Who only asks whether it is held (daemon/serving.ts) has it for an instant.
    for (let again = 0; tried.is === "busy" && again < LOCK_TRIES; again++) {
      Bun.sleepSync(1);
      tried = tryFlock(join(directory, "watch.lock"));
    }
    return tried.is === "held" ? tried.lock : tried.is === "busy" ? "busy" : null;
  } catch {
    return null; // nowhere to note anything: watched all the same
  }
}

interface Entry {
  plugin: ResolvedPlugin;
  watch: ResolvedWatch;
  index: number;
}

/** By all that makes one watch differ from another. */
function wantedOf(index: ManifestIndex, only: string | null): Map<string, Entry> {
  const wanted = new Map<string, Entry>();
  for (const plugin of Object.values(index.plugins)) {
    if (only !== null && plugin.name !== only) continue;
    for (const [at, watch] of plugin.watch.entries())
      wanted.set(JSON.stringify([plugin.name, plugin.file, at, watch]), { plugin, watch, index: at });
  }
  return wanted;
}

interface OneWatch {
  idle(): Promise<void>;
  close(): void;
}

async function openWatch(
  { world, root, jobs, lanes, log, source, since }: RootWatchOptions,
  directory: string,
  who: string,
  { plugin, watch, index }: Entry,
  logs: string[],
): Promise<OneWatch> {
  const { debounceMs, retries, run } = watch;
  const facts = { root, plugin: plugin.name, run };
  const openedAt = Date.now();
  const folder = identifyFolder(root);
  /** Not when it was removed, moved away, or another folder is in its place. */
  const isHere = () => {
    const now = identifyFolder(root);
    return folder !== null && now !== null && isSameFolder(folder, now) && isRootThere(root);
  };
  /** What changed while it was not here: looked at again should it come back. */
  const away = new Set<string>();
  const known = openKnown(
    join(directory, `${sha256(who).slice(0, 16)}.json`),
    who,
    makeSeal(dirname(directory), world.home),
  );
  const target: Target =
    watch.target === true
      ? { is: "function", file: plugin.file, index }
      : watch.target === null
        ? { is: "path" }
        : { is: "pattern", text: watch.target };
  const absolute = new Map<string, string>();
  const asked = { root, env: world.env, check: (file: string) => refuseChangedIn(world, root, file) };
  let refused = "";
  const loops = makeLoops(() => performance.now());
  const held = new Map<string, { timer: ReturnType<typeof setTimeout>; paths: Set<string> }>();
  /** No change is lost by it: what all of them are in the end counts. */
  const settleLater = (name: string, paths: readonly string[], ms: number) => {
    const before = held.get(name);
    clearTimeout(before?.timer);
    const all = new Set([...(before?.paths ?? []), ...paths]);
    const timer = setTimeout(() => {
      held.delete(name);
      loops.release(name);
      for (const path of all) queue.add(name, path);
    }, ms);
    held.set(name, { timer, paths: all });
  };
  const queue = makeQueue(lanes, {
    quietMs: debounceMs,
    longestMs: debounceMs * LONGEST,
    retries,
    retryMs: RETRY_MS,
    now: () => performance.now(),
    timers: TIMERS,
    async work({ target: name, paths, isLast }) {
      // Once more, now: what was written back meanwhile is no change.
      const files = paths.map((path) => absolute.get(path) ?? path);
      known.drop(files);
      if (!isHere()) {
        for (const file of files) away.add(file);
        return true;
      }
      const changed = await known.changed(files);
      const now = paths.filter((_, at) => changed.has(files[at] as string));
      const isNew = (path: string) => !known.knows(absolute.get(path) ?? path);
      const judged = loops.judge(
        name,
        paths,
        now.map((path) => ({ path, isNew: isNew(path) })),
      );
      if (now.length === 0) return true;
      if (judged.is === "held") {
        if (judged.why !== undefined) log("warn", judged.why, { ...facts, target: name });
        settleLater(name, now, judged.silenceMs);
        return true;
      }
      if (judged.doubt !== undefined) log("warn", judged.doubt, { ...facts, target: name });
      if (judged.afterMs > 0) await Bun.sleep(judged.afterMs);
      loops.began(name);
      try {
        known.begin(changed);
      } catch (error) {
        log("warn", messageOf(error), facts);
      }
      const job = await jobs.run({ root, key: run, kind: "oneshot", target: name, source, paths: now });
      loops.ended(name);
      // What the job may have seen is to be known before it is settled what it saw.
      await Bun.sleep(LATE_MS);
      await inbox.drain();
      saver.soon();
      // Until the next try it stays begun: what is as this one had it is no change, and waits for the next.
      if (job.state !== "done" && !isLast) return false;
      known.settle(changed);
      // What changed between the look and the job was compared with neither.
      for (const file of (await known.changed(changed.keys())).keys()) inbox.add(file);
      return job.state === "done";
    },
  });
  const saver = makeSaver(known, isHere, log, facts);
  const inbox = makeInbox(GATHER_MS, async (files) => {
    for (const file of files) away.add(file);
    if (!isHere()) return;
    const all = [...away];
    away.clear();
    const changed = await known.changed(all);
    if (changed.size === 0) return saver.soon();
    const paths = [...changed.keys()].map((file) => {
      const local = relative(root, file);
      const path = local.startsWith("..") ? file : local;
      absolute.set(path, file);
      return path;
    });
    try {
      for (const { path, target: name } of await nameTargets(target, paths, asked)) {
        const file = absolute.get(path) as string;
        // Nobody's: known as it is, so that it is not asked about again.
        if (name === null) known.settle(new Map([[file, changed.get(file) ?? null]]));
        else {
          loops.heard(path);
          queue.add(name, path);
        }
      }
    } catch (error) {
      // A manifest that is being edited, say: asked again, so that nothing is lost.
      if (messageOf(error) !== refused) log("error", messageOf(error), facts);
      refused = messageOf(error);
      again = setTimeout(() => {
        for (const file of changed.keys()) inbox.add(file);
      }, AGAIN_MS);
    }
  });
  let again: ReturnType<typeof setTimeout> | undefined;
  let trees: Trees;
  try {
    trees = await watchTrees({
      root,
      env: world.env,
      patterns: watch.paths,
      ignore: watch.ignore,
      leaveOut: [runDirectoryOf(root, world.env), world.home, ...logs],
      onChange: inbox.add,
      onTrouble: (what) => log("warn", what, facts),
      onUnmatched: (patterns) => {
        if (patterns.length > 0) log("warn", `${describeUnmatched(patterns)} so far`, facts);
      },
    });
  } catch (error) {
    log("error", `files are not watched: ${messageOf(error)}`, facts);
    throw error;
  }
  if (known.isNew) {
    const beginning = beginningOf(since(), plugin.file, openedAt);
    const late = new Set([...trees.initial].filter((file) => (statOf(file)?.ctimeMs ?? 0) >= beginning));
    known.settle(await known.changed([...trees.initial].filter((file) => !late.has(file))));
    for (const file of late) inbox.add(file);
  } else for (const file of [...trees.initial, ...known.missing(trees.initial)]) inbox.add(file);
  saver.soon();
  log("info", "watches", { ...facts, files: trees.initial.size });
  return {
    async idle() {
      await inbox.idle();
      await queue.idle();
      saver.now();
    },
    close() {
      clearTimeout(again);
      for (const { timer } of held.values()) clearTimeout(timer);
      trees.close();
      inbox.close();
      queue.close();
      saver.now();
    },
  };
}

/**
 * The first time, what is there is where it begins: as it was when the root was handed over, though it is watched a while later. A watch that the
 * manifest got after that begins when it is opened.
 */
function beginningOf(handedOver: number | null, manifest: string, openedAt: number): number {
  const written = statOf(manifest)?.ctimeMs ?? openedAt;
  return handedOver === null || written >= handedOver ? openedAt : handedOver;
}

/** What comes within an instant is looked at together, one lot after the other. */
function makeInbox(gatherMs: number, look: (files: string[]) => Promise<unknown>) {
  let waiting = new Set<string>();
  let drains: (() => void)[] = [];
  let looking: Promise<void> | null = null;
  let closed = false;
  const work = async () => {
    while ((waiting.size > 0 || drains.length > 0) && !closed) {
      if (waiting.size > 0) await Bun.sleep(gatherMs);
      const files = [...waiting];
      const drained = drains;
      waiting = new Set();
      drains = [];
      if (!closed && files.length > 0) await look(files);
      for (const tell of drained) tell();
    }
    looking = null;
  };
  return {
    add(file: string) {
      waiting.add(file);
      looking ??= work();
    },
    /** Resolves when all that came until now has been looked at. */
    drain: () =>
      new Promise<void>((resolve) => {
        if (closed || looking === null) return resolve();
        drains.push(resolve);
      }),
    idle: async () => {
      await looking;
    },
    close() {
      closed = true;
      for (const tell of drains.splice(0)) tell();
    },
  };
}

function makeSaver(known: Known, isHere: () => boolean, log: Log, facts: Record<string, unknown>) {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const now = () => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (!isHere()) return;
    try {
      known.save();
    } catch (error) {
      log("warn", `what was worked on is not noted: ${messageOf(error)}`, facts);
    }
  };
  return {
    now,
    soon() {
      timer ??= setTimeout(now, SAVE_MS);
    },
  };
}
