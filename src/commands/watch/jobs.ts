/**
 * The jobs of a root's watched files, run in the foreground until a signal ends it. The manifests are looked at again
 * and again, and what they declare now is watched. It ends when the folder is gone or replaced by another one.
 */
import { makeJobs } from "../../jobs/jobs.ts";
import { makeLanes } from "../../jobs/queue.ts";
import type { JobReport, RootWatch } from "../../jobs/types.ts";
import { watchRoot } from "../../jobs/watcher.ts";
import type { ManifestIndex, ResolvedPlugin } from "../../manifest/model/resolved.ts";
import { formatLines } from "../../output/lines.ts";
import { orUncaught } from "../../runners/oneshot/uncaught.ts";
import { DtError, EXIT } from "../../sys/base/error.ts";
import { identifyFolder, isSameFolder } from "../../sys/base/folder.ts";
import { homeDirectory } from "../../sys/places/paths.ts";
import { makeProcessTable } from "../../sys/process/table.ts";
import { print } from "../../sys/stdio/stdio.ts";
import { formatDuration } from "../../values/duration.ts";
import type { DtContext } from "../context/types.ts";
import { untilEnded } from "../context/until.ts";

const AT_ONCE = 4;
/** How often the manifests are looked at. */
const MANIFESTS_MS = 2000;
/** A look that took long, since a manifest hangs or fails slowly, is repeated only after this many times as long. */
const REST = 10;

export interface WatchedJobs {
  root: string;
  /** Only this one; null: all. */
  plugin: string | null;
  index: ManifestIndex;
  /** The plugins whose entries are watched. */
  watching: readonly ResolvedPlugin[];
}

/** Resolves with the exit code. Throws `watched` if the root is watched already. */
export async function watchJobs(context: DtContext, { root, plugin, index, watching }: WatchedJobs): Promise<number> {
  const { env, globals, talk } = context;
  const replaced = Promise.withResolvers<number>();
  const world = { home: homeDirectory(env) ?? root, env, table: makeProcessTable() };
  const jobs = makeJobs(world, {
    log: () => {},
    onChange: (job) => {
      try {
        tellJob(context, job);
      } catch (error) {
        replaced.reject(error); // a full disk: the job is done all the same
      }
    },
  });
  const folder = identifyFolder(root);
  const watch = watchRoot({
    world,
    root,
    jobs,
    lanes: makeLanes(AT_ONCE),
    log: (level, text) => {
      if (level === "warn" || level === "error") talk.fail(text);
      else talk.detail(text);
    },
    source: "command",
    plugin,
    since: () => performance.timeOrigin,
  });
  if (watch === null) throw alreadyWatched(root);
  jobs.settle([root]);
  const ended = untilEnded();
  await watch.set(index);
  talk.say(wordsOfWatching(watching));
  const isReplaced = () => {
    const now = identifyFolder(root);
    return folder === null || now === null || !isSameFolder(folder, now);
  };
  const closeLooks = lookAgain(context, { root, watch, isReplaced, ended: replaced });
  const code = await orUncaught(() => Promise.race([ended.promise, replaced.promise]));
  closeLooks();
  watch.close();
  if (!globals.quiet) talk.say("the watch ends; a running job goes on");
  return code;
}

function alreadyWatched(root: string): DtError {
  return new DtError("watched", `${root} is watched already: by the daemon, or by another dt watch.`, {
    hint: "dt jobs shows what it ran; dt boot remove takes this root from the daemon.",
  });
}

function wordsOfWatching(watching: WatchedJobs["watching"]): string {
  const count = watching.reduce((sum, one) => sum + one.watch.length, 0);
  const names = watching.map(({ name }) => name).join(", ");
  return `watches ${count} ${count === 1 ? "entry" : "entries"} of ${names}; Ctrl-C ends it`;
}

interface Looks {
  root: string;
  watch: RootWatch;
  /** Whether the folder is gone, or another one is in its place. */
  isReplaced(): boolean;
  /** Gets the exit code when it is. */
  ended: PromiseWithResolvers<number>;
}

/** Looks at the manifests every two seconds; returns what ends that. */
function lookAgain({ talk, act }: DtContext, { root, watch, isReplaced, ended }: Looks): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = async () => {
    const began = performance.now();
    if (isReplaced()) {
      talk.fail(`${root} is gone, or another folder is there now: nothing is watched any longer`);
      return ended.resolve(EXIT.failed);
    }
    void watch.set((await act(undefined, false)).index);
    timer = setTimeout(lookOn, Math.max(MANIFESTS_MS, REST * (performance.now() - began)));
  };
  const lookOn = () => void look().catch(ended.reject);
  timer = setTimeout(lookOn, MANIFESTS_MS);
  return () => clearTimeout(timer);
}

function tellJob({ globals, talk }: DtContext, job: JobReport): void {
  if (globals.json) {
    print(`${JSON.stringify(job)}\n`);
    return;
  }
  if (job.state === "running") {
    talk.detail(`${job.target}: ${job.key} runs`);
    return;
  }
  const took = job.duration_ms === null ? "" : ` in ${formatDuration(job.duration_ms)}`;
  const counts = job.written === null ? "" : `  ${job.written} written, ${job.unchanged ?? 0} unchanged`;
  const end = job.state === "done" ? `done${took}${counts}` : `failed${took}: ${job.error}`;
  print(formatLines([`${job.target}  ${job.key} ${end}`]));
}
