/**
 * One `watch` of a manifest, from its opening to its close. A change goes one way: trees, inbox, `heard.ts`, queue,
 * `working.ts`, job. The first time, the files as they are found are the beginning; later, every file that differs from
 * what is known of it has changed.
 */
import { dirname, join } from "node:path";
import type { ResolvedPlugin, ResolvedWatch } from "../manifest/model/resolved.ts";
import { sha256 } from "../sys/base/digest.ts";
import { messageOf } from "../sys/base/error.ts";
import { identifyFolder } from "../sys/base/folder.ts";
import { statOf } from "../sys/base/stat.ts";
import { runDirectoryOf } from "../sys/places/paths.ts";
import { makeSeal } from "../sys/seal/seal.ts";
import { LONGEST, TIMERS } from "../sys/watch/batch.ts";
import { describeUnmatched, type Trees, watchTrees } from "../sys/watch/trees.ts";
import { queueChanges } from "./heard.ts";
import { makeInbox, makeSaver } from "./inbox.ts";
import { makeLoops } from "./loops.ts";
import { makeJobQueue } from "./queue.ts";
import { openKnown } from "./snapshot.ts";
import type { Target } from "./target.ts";
import type { RootWatchOptions } from "./types.ts";
import { isFolderHere, type WatchState } from "./watchstate.ts";
import { workOn } from "./working.ts";

const RETRY_MS = 1000;
/** Changes that arrive within this time are looked at together. */
const GATHER_MS = 10;

export interface DeclaredWatch {
  plugin: ResolvedPlugin;
  watch: ResolvedWatch;
  /** Which of the plugin's watches it is. */
  index: number;
}

export interface OneWatchRequest {
  options: RootWatchOptions;
  declared: DeclaredWatch;
  /** Tells it from every other watch: what is known under another name is of no use to it. */
  name: string;
  /** Where what is known is kept. */
  directory: string;
  /** The logs that the root's manifests declare: they are left out. */
  logs: readonly string[];
}

export interface OneWatch {
  idle(): Promise<void>;
  close(): void;
}

/** Throws, after logging why, when the files cannot be watched. */
export async function openWatch(request: OneWatchRequest): Promise<OneWatch> {
  const openedAt = Date.now();
  const state = makeWatchState(request);
  const trees = await watchFiles(request, state);
  await begin(request, { state, openedAt, files: trees.initial });
  state.saver.soon();
  request.options.log("info", "watches", { ...state.facts, files: trees.initial.size });
  return {
    async idle() {
      await state.inbox.idle();
      await state.queue.idle();
      state.saver.now();
    },
    close() {
      clearTimeout(state.again);
      for (const { timer } of state.held.values()) clearTimeout(timer);
      trees.close();
      state.inbox.close();
      state.queue.close();
      state.saver.now();
    },
  };
}

function makeWatchState({ options, declared, name, directory }: OneWatchRequest): WatchState {
  const { world, root, lanes, log } = options;
  const { plugin, watch } = declared;
  const facts = { root, plugin: plugin.name, run: watch.run };
  const folder = identifyFolder(root);
  const path = join(directory, `${sha256(name).slice(0, 16)}.json`);
  const known = openKnown(path, { what: name, seal: makeSeal(dirname(directory), world.home) });
  const queue = makeJobQueue(lanes, {
    quietMs: watch.debounceMs,
    longestMs: watch.debounceMs * LONGEST,
    retries: watch.retries,
    retryMs: RETRY_MS,
    now: () => performance.now(),
    timers: TIMERS,
    work: (work) => workOn(state, work),
  });
  const state: WatchState = {
    options,
    watch,
    target: targetOf(declared),
    facts,
    folder,
    known,
    loops: makeLoops(() => performance.now()),
    inbox: makeInbox(GATHER_MS, (files) => queueChanges(state, files)),
    queue,
    saver: makeSaver({ known, isHere: () => isFolderHere({ folder, options }), log, facts }),
    away: new Set(),
    absolute: new Map(),
    held: new Map(),
    refused: "",
    again: undefined,
  };
  return state;
}

function targetOf({ plugin, watch, index }: DeclaredWatch): Target {
  if (watch.target === true) return { is: "function", file: plugin.file, index };
  return watch.target === null ? { is: "path" } : { is: "pattern", text: watch.target };
}

async function watchFiles({ options, logs }: OneWatchRequest, { watch, inbox, facts }: WatchState): Promise<Trees> {
  const { world, root, log } = options;
  try {
    return await watchTrees({
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
}

async function begin(
  { options, declared }: OneWatchRequest,
  { state: { known, inbox }, openedAt, files }: { state: WatchState; openedAt: number; files: ReadonlySet<string> },
): Promise<void> {
  if (!known.isNew) {
    for (const file of [...files, ...known.missing(files)]) inbox.add(file);
    return;
  }
  const beginning = beginningOf(options.since(), { manifest: declared.plugin.file, openedAt });
  const late = new Set([...files].filter((file) => (statOf(file)?.ctimeMs ?? 0) >= beginning));
  known.settle(await known.changed([...files].filter((file) => !late.has(file))));
  for (const file of late) inbox.add(file);
}

/**
 * The first time, the files count as they were when the root was handed over, though they are watched a while later. A
 * watch that was added to the manifest after that begins when it is opened.
 */
function beginningOf(
  handedOver: number | null,
  { manifest, openedAt }: { manifest: string; openedAt: number },
): number {
  const written = statOf(manifest)?.ctimeMs ?? openedAt;
  return handedOver === null || written >= handedOver ? openedAt : handedOver;
}
