/** `dt watch`: what the daemon does for watched files, for one root in the foreground, until Ctrl-C. */
import { makeJobs } from "../../jobs/jobs.ts";
import { makeLanes } from "../../jobs/queue.ts";
import type { JobReport } from "../../jobs/types.ts";
import { watchRoot } from "../../jobs/watcher.ts";
import { faultsOf } from "../../manifest/model/faults.ts";
import { findFailure } from "../../manifest/model/find.ts";
import { formatLines } from "../../output/lines.ts";
import { orUncaught } from "../../runners/oneshot/uncaught.ts";
import { DtError, EXIT } from "../../sys/base/error.ts";
import { identifyFolder, isSameFolder } from "../../sys/base/folder.ts";
import { homeDirectory } from "../../sys/places/paths.ts";
import { makeProcessTable } from "../../sys/process/table.ts";
import { print } from "../../sys/stdio/stdio.ts";
import { formatDuration } from "../../values/duration.ts";
import { rememberRoot } from "../context/rememberroot.ts";
import type { DtContext } from "../context/types.ts";
import { tooManyArguments, usage } from "../context/usage.ts";
import { unknownName } from "../parse/called.ts";
import { wordsOfUnread } from "../parse/unread.ts";
import { untilEnded } from "../parse/until.ts";
import { defineVerb } from "../parse/verb.ts";
import { watchEvents } from "./watchevents.ts";

const AT_ONCE = 4;
/** How often the manifests are looked at. */
const MANIFESTS_MS = 2000;
/** One that hangs, or fails slowly, is tried again and again: not for so many times as long. */
const REST = 10;

export default defineVerb({
  args: {
    events: {
      type: "boolean",
      description:
        "Run nothing: print what changes of the files named, as lines of JSON, for a program that reads them",
    },
    _: {
      type: "positional",
      required: false,
      description: "Only of this plugin; with --events the patterns",
      valueHint: "plugin",
    },
  },
  async run({ args, data }) {
    const context = data as DtContext;
    if (args.events) return await watchEvents(context, args._);
    const { env, globals, talk } = context;
    const root = context.root();
    const [plugin, extra] = args._;
    if (extra !== undefined) throw tooManyArguments("dt watch", 1, args._);
    const { dryRun } = globals;
    const { index, begin } = dryRun
      ? { index: await context.index(), begin: () => {} }
      : await context.act(undefined, false);
    if (plugin !== undefined && index.plugins[plugin] === undefined) {
      const failure = findFailure(index, plugin);
      if (failure === undefined) throw unknownName("plugin", plugin, Object.keys(index.plugins), index, { root });
      const [fault = "", ...lines] = faultsOf(failure);
      throw new DtError("plugin-failed", fault, { lines, status: EXIT.usage });
    }
    const watching = Object.values(index.plugins).filter(
      ({ name, watch }) => watch.length > 0 && (plugin === undefined || name === plugin),
    );
    if (watching.length === 0)
      throw usage(
        `${plugin ?? `No plugin in ${root}`} declares ${plugin === undefined ? "a" : "no"} \`watch\`.${index.unread.length === 0 ? "" : ` ${wordsOfUnread(index.unread)}`}`,
      );
    if (dryRun) {
      const rows = watching.flatMap(({ name, watch }) => watch.map(({ paths, run }) => ({ plugin: name, paths, run })));
      const lines = rows.map(({ plugin, paths, run }) => `${plugin}  ${paths.join(" ")}  ${run}`);
      print(globals.json ? `${JSON.stringify(rows)}\n` : formatLines(lines));
      return EXIT.done;
    }
    begin();
    rememberRoot(context);
    const world = { home: homeDirectory(env) ?? root, env, table: makeProcessTable() };
    const log = (level: string, text: string) => {
      if (level === "warn" || level === "error") talk.fail(text);
      else talk.detail(text);
    };
    const replaced = Promise.withResolvers<number>();
    const jobs = makeJobs(
      world,
      () => {},
      (job) => {
        try {
          tell(context, job);
        } catch (error) {
          replaced.reject(error); // a full disk: the job is done all the same
        }
      },
    );
    const folder = identifyFolder(root);
    const watch = watchRoot({
      world,
      root,
      jobs,
      lanes: makeLanes(AT_ONCE),
      log,
      source: "command",
      plugin: plugin ?? null,
      since: () => performance.timeOrigin,
    });
    if (watch === null) {
      throw new DtError("watched", `Somebody watches ${root} already: the daemon, or another dt watch.`, {
        hint: "dt jobs shows what it ran; dt boot remove takes this root from the daemon.",
      });
    }
    jobs.settle([root]);
    const ended = untilEnded();
    await watch.set(index);
    const count = watching.reduce((sum, one) => sum + one.watch.length, 0);
    talk.say(
      `watches ${count} ${count === 1 ? "entry" : "entries"} of ${watching.map(({ name }) => name).join(", ")}; Ctrl-C ends it`,
    );
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async () => {
      const began = performance.now();
      const now = identifyFolder(root);
      if (folder === null || now === null || !isSameFolder(folder, now)) {
        talk.fail(`${root} is gone, or another folder by now: nothing of it is watched any more`);
        return replaced.resolve(EXIT.failed);
      }
      void watch.set((await context.act(undefined, false)).index);
      timer = setTimeout(lookOn, Math.max(MANIFESTS_MS, REST * (performance.now() - began)));
    };
    const lookOn = () => void look().catch(replaced.reject);
    timer = setTimeout(lookOn, MANIFESTS_MS);
    const code = await orUncaught(() => Promise.race([ended.promise, replaced.promise]));
    clearTimeout(timer);
    watch.close();
    if (!globals.quiet) talk.say("ends; a job that runs goes on");
    return code;
  },
});

function tell({ globals, talk }: DtContext, job: JobReport): void {
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
