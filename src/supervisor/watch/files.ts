/**
 * What a host does for `restartOn`: watches as long as its launch lives, over all its runs; runs the one-shot first, asks for the restart,
 * and restarts what needs the launch when that is to follow. A save that changes no content is no change, and a loop ends (rounds.ts). Nothing is
 * loaded or watched where nothing is declared.
 */
import { relative } from "node:path";
import type { ResolvedRestartOn } from "../../manifest/model/resolved.ts";
import type { WatchNote } from "../../state/types.ts";
import { messageOf } from "../../sys/base/error.ts";
import { lineageFor } from "../../sys/process/lineage.ts";
import { spawnProbe } from "../../sys/spawn/spawn.ts";
import type { Contents } from "../../sys/watch/contents.ts";
import { keyWords } from "../../values/key.ts";
import type { Ground, Report } from "../launch/types.ts";
import { declaredLogs } from "../prepare/declaredlogs.ts";
import { hostEnvironment } from "../prepare/selfenv.ts";
import { writeHistory } from "../run/notes.ts";
import type { OwnControl, Run } from "../run/types.ts";
import type { Rounds } from "./rounds.ts";

export interface FileWatcher {
  /** A new run: watched as its settings say now. */
  follow(run: Run): void;
  /** Resolves when what runs before a restart is ended too. */
  close(): Promise<void>;
}

/** How long what runs before a restart may take to end when the launch does: whoever stopped it waits for this host. */
const GIVE_UP_MS = 1000;

/** What is watched for one run or several, as long as its settings are the same. */
interface Watch {
  rounds: Rounds;
  close(): void;
}

export function watchForRestart(ground: Ground, report: Report, control: OwnControl): FileWatcher {
  const over = new AbortController();
  let run: Run | null = null;
  let watched = "null";
  let open: Promise<Watch | null> = Promise.resolve(null);
  let current: Watch | null = null;
  let note: WatchNote | null = null;
  let first: Promise<string | null> | null = null;
  /** Of the watch before, when the project's folder was moved: what changes meanwhile counts. */
  let taken: { contents: Contents; paths: string[] } | null = null;

  const tell = (change: Partial<WatchNote>, text?: string) => {
    if (run === null || note === null) return;
    note = { ...note, ...change };
    if (!run.over.signal.aborted) writeHistory(ground, run, { watch: note });
    if (text !== undefined) report({ is: "note", text: `${run.record.key}: ${text}` });
  };

  const hold = (why: string, loop?: string) =>
    tell({ held: { at: new Date().toISOString(), why, ...(loop === undefined ? {} : { loop }) } }, why);

  async function restart(on: ResolvedRestartOn, paths: string[], rounds: Rounds): Promise<void> {
    if (run === null || over.signal.aborted) return;
    rounds.working(performance.now());
    const because = `${describePaths(paths)} changed`;
    first = on.run === null ? null : runFirst(ground, run, on.run, control, over.signal);
    const why = await first;
    if (over.signal.aborted) return;
    if (why !== null) return hold(`${because}, but ${why}: not restarted`);
    delete note?.held;
    control.ask({ is: "changed", because });
  }

  /** One batch after the other. */
  function makeWork(
    on: ResolvedRestartOn,
    contents: Contents,
    rounds: Rounds,
    signsOf: (path: string, isNew: boolean) => string[],
  ) {
    let silence: ReturnType<typeof setTimeout> | null = null;
    const held = new Set<string>();
    const nameOf = (path: string) => (path.startsWith(`${ground.root}/`) ? relative(ground.root, path) : path);
    return {
      async work(changed: string[], since: number): Promise<void> {
        const now = performance.now();
        const found = await contents.changed(changed);
        if (run === null || found.length === 0) return;
        const paths = found.map(({ path }) => nameOf(path));
        const files = found.map((one) => signsOf(nameOf(one.path), one.isNew));
        const verdict = rounds.judge({ at: since, now, files });
        if (silence !== null) clearTimeout(silence);
        silence = null;
        for (const path of paths) held.add(path);
        const all = [...held];
        if (verdict.is === "work") {
          held.clear();
          if (verdict.mayLoop !== undefined) tell({}, describeDoubt(run.record.key, paths, verdict.mayLoop));
          if (verdict.afterMs > 0) await Bun.sleep(verdict.afterMs);
          return restart(on, all, rounds);
        }
        if (verdict.isFirst) hold(describeLoop(run.record.key, paths, verdict.silenceMs), describePaths(paths));
        if (!verdict.settles) return;
        // It changes though nothing is restarted: what it is in the end still counts.
        silence = setTimeout(() => {
          held.clear();
          rounds.release();
          void restart(on, all, rounds);
        }, verdict.silenceMs);
      },
      close() {
        if (silence !== null) clearTimeout(silence);
      },
    };
  }

  async function start(on: ResolvedRestartOn, log: string): Promise<Watch | null> {
    try {
      const [
        { watchTrees, describeUnmatched },
        { makeBatches, TIMERS, LONGEST },
        { makeContents },
        { makeRounds, signsOf },
      ] = await Promise.all([
        import("../../sys/watch/trees.ts"),
        import("../../sys/watch/batch.ts"),
        import("../../sys/watch/contents.ts"),
        import("./rounds.ts"),
      ]);
      const earlier = Array.from({ length: run?.spec.settings.logs.keep ?? 0 }, (_, index) => `${log}.${index + 1}`);
      const { root } = ground;
      const rounds = makeRounds();
      const moved = taken;
      taken = null;
      const contents = moved?.contents ?? makeContents(Date.now);
      const { work, close } = makeWork(on, contents, rounds, signsOf);
      const batches = makeBatches({
        quietMs: on.debounceMs,
        longestMs: on.debounceMs * LONGEST,
        // A folder that was moved as a whole is watched where it is now.
        work: (paths, since) => (ground.root === root ? work(paths, since) : watchAgain(contents, root)),
        now: () => performance.now(),
        timers: TIMERS,
      });
      note = { paths: on.paths, since: new Date().toISOString() };
      const trees = await watchTrees({
        root,
        patterns: on.paths,
        ignore: on.ignore,
        leaveOut: [
          ground.store.directory,
          log,
          ...earlier,
          ...(await declaredLogs(ground)),
          ...(ground.home === null ? [] : [ground.home]),
        ],
        env: run?.spec.env ?? ground.env,
        onChange: batches.add,
        onTrouble: (trouble) => tell({ trouble }, trouble),
        onUnmatched: (unmatched) =>
          tell({ unmatched: [...unmatched] }, unmatched.length === 0 ? undefined : describeUnmatched(unmatched)),
      });
      if (moved === null) void contents.learn(trees.initial);
      current = {
        rounds,
        close() {
          for (const one of [trees, batches, contents]) one.close();
          close();
        },
      };
      if (over.signal.aborted) current.close();
      if (run !== null) beginRounds(rounds, run);
      tell({ since: new Date().toISOString() });
      if (moved !== null) void work([...new Set([...moved.paths, ...trees.initial])], performance.now());
      return current;
    } catch (error) {
      report({ is: "note", text: `${run?.record.key}: files are not watched: ${messageOf(error)}` });
      return null;
    }
  }

  async function watchAgain(contents: Contents, from: string): Promise<void> {
    watched = "null";
    taken = { contents, paths: contents.moved(from, ground.root) };
    if (run !== null) follow(run);
  }

  function follow(next: Run): void {
    run = next;
    const on = next.spec.settings.restartOn;
    const now = JSON.stringify(on && [on, next.record.log]);
    if (now === watched) {
      if (isByPerson(next)) {
        current?.rounds.forget();
        delete note?.held;
      }
      if (current !== null) beginRounds(current.rounds, next);
      tell({});
      return;
    }
    watched = now;
    const before = open;
    note = null;
    open = before.then((watch) => {
      watch?.close();
      current = null;
      return on === null || over.signal.aborted ? null : start(on, next.record.log);
    });
  }

  return {
    follow,
    async close() {
      over.abort();
      void open.then((watch) => watch?.close());
      await first;
    },
  };
}

function isByPerson({ record }: Run): boolean {
  return record.startedBy.by !== "policy";
}

function beginRounds(rounds: Rounds, { record }: Run): void {
  rounds.began(performance.now() - (Date.now() - Date.parse(record.startedAt)));
}

function describeDoubt(key: string, paths: readonly string[], rounds: number): string {
  return `${describePaths(paths)} changed soon after each of its last ${rounds} starts: if ${key} writes it, leave it out with \`ignore\` or a \`!\` pattern`;
}

function describeLoop(key: string, paths: readonly string[], silenceMs: number): string {
  return `${describePaths(paths)} changed at the same moment after each of the last starts, so it looks as if the command, or its \`run\`, changes what restarts it: not restarted until another file changes, or this one after ${silenceMs / 1000} s of silence; \`ignore\` or a \`!\` pattern leaves it out, dt restart ${key} restarts it now`;
}

/** `content/a.md`, or `content/a.md and 3 more`. */
export function describePaths(paths: readonly string[]): string {
  return paths.length === 1 ? `${paths[0]}` : `${paths[0]} and ${paths.length - 1} more`;
}

/** Null when it succeeded. Its output is kept as a run of its own key, for `dt logs` and `dt why`. */
async function runFirst(
  ground: Ground,
  run: Run,
  key: string,
  control: OwnControl,
  signal: AbortSignal,
): Promise<string | null> {
  const { self, root, openFiles } = ground;
  const argv = [...self, "-C", root, "--capture", ...keyWords(key)] as [string, ...string[]];
  const token = crypto.randomUUID().replaceAll("-", "");
  const env = hostEnvironment(run.spec.env, root);
  const child = spawnProbe({ argv, cwd: root, env, lineage: lineageFor(token) }, openFiles);
  if ("error" in child) return `${key} could not be run: ${child.error}`;
  control.children.add(child.pid);
  let ending: Promise<void> | null = null;
  const end = () => {
    ending ??= import("../oneshot/task.ts").then(({ endTree }) =>
      endTree(ground, { pid: child.pid, token, key }, { signal: "SIGTERM", timeoutMs: GIVE_UP_MS }),
    );
  };
  signal.addEventListener("abort", end);
  if (signal.aborted) end();
  const code = await child.exited;
  await ending;
  signal.removeEventListener("abort", end);
  control.children.delete(child.pid);
  return code === 0 ? null : `${key} ended with code ${code}`;
}
