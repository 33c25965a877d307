/**
 * What a host does for `restartOn`: watches as long as its launch lives, over all its runs; runs the one-shot first, asks for the restart,
 * and restarts what needs the launch when that is to follow. Nothing is loaded or watched where nothing is declared.
 */
import type { ResolvedRestartOn } from "../manifest/resolved.ts";
import type { WatchNote } from "../state/types.ts";
import { messageOf } from "../sys/error.ts";
import { spawnProbe } from "../sys/spawn.ts";
import type { FileWatch } from "../sys/watch/watch.ts";
import { writeHistory } from "./notes.ts";
import { hostEnvironment } from "./selfenv.ts";
import type { Ground, OwnControl, Report, Run } from "./types.ts";

export interface FileWatcher {
  /** A new run: watched as its settings say now. */
  follow(run: Run): void;
  close(): void;
}

export function watchForRestart(ground: Ground, report: Report, control: OwnControl): FileWatcher {
  const over = new AbortController();
  let run: Run | null = null;
  let watched = "null";
  let open: Promise<FileWatch | null> = Promise.resolve(null);
  let note: WatchNote | null = null;

  const tell = (change: Partial<WatchNote>, text?: string) => {
    if (run === null || note === null) return;
    note = { ...note, ...change };
    if (!run.over.signal.aborted) writeHistory(ground, run, { watch: note });
    if (text !== undefined) report({ is: "note", text: `${run.record.key}: ${text}` });
  };

  async function onBatch(on: ResolvedRestartOn, paths: string[]): Promise<void> {
    if (run === null) return;
    const because = `${describePaths(paths)} changed`;
    const why = on.run === null ? null : await runFirst(ground, run, on.run, control, over.signal);
    if (over.signal.aborted) return;
    if (why !== null) {
      const held = `${because}, but ${why}: not restarted`;
      return tell({ held: { at: new Date().toISOString(), why: held } }, held);
    }
    delete note?.held;
    control.ask({ is: "changed", because });
  }

  async function start(on: ResolvedRestartOn, log: string): Promise<FileWatch | null> {
    try {
      const { watchFiles } = await import("../sys/watch/watch.ts");
      const earlier = Array.from({ length: run?.spec.settings.logs.keep ?? 0 }, (_, index) => `${log}.${index + 1}`);
      const watch = await watchFiles({
        root: ground.root,
        paths: on.paths,
        ignore: on.ignore,
        leaveOut: [ground.store.directory, log, ...earlier],
        debounceMs: on.debounceMs,
        onBatch: (paths) => onBatch(on, paths),
        onTrouble: (trouble) => tell({ trouble }, trouble),
      });
      if (over.signal.aborted) watch.close();
      note = { ...note, paths: on.paths, since: new Date().toISOString() };
      tell({});
      return watch;
    } catch (error) {
      report({ is: "note", text: `${run?.record.key}: files are not watched: ${messageOf(error)}` });
      return null;
    }
  }

  return {
    follow(next) {
      run = next;
      const on = next.spec.settings.restartOn;
      const now = JSON.stringify(on && [on, next.record.log]);
      if (now === watched) return tell({});
      watched = now;
      const before = open;
      note = null;
      open = before.then((watch) => {
        watch?.close();
        return on === null || over.signal.aborted ? null : start(on, next.record.log);
      });
    },
    close() {
      over.abort();
      void open.then((watch) => watch?.close());
    },
  };
}

/** `content/a.md`, or `content/a.md and 3 more`. */
export function describePaths(paths: readonly string[]): string {
  return paths.length === 1 ? `${paths[0]}` : `${paths[0]} and ${paths.length - 1} more`;
}

/** Null when it succeeded. Its output is kept as a run of its own key, for `dt logs` and `dt why`. */
async function runFirst(
  { self, root, openFiles }: Ground,
  run: Run,
  key: string,
  control: OwnControl,
  signal: AbortSignal,
): Promise<string | null> {
  const [plugin = "", command = "", variant = "default"] = key.split(":");
  const words = variant === "default" ? [plugin, command] : [plugin, command, variant];
  const argv = [...self, "-C", root, "--capture", ...words] as [string, ...string[]];
  const child = spawnProbe({ argv, cwd: root, env: hostEnvironment(run.spec.env, root) }, openFiles);
  if ("error" in child) return `${key} could not be run: ${child.error}`;
  control.children.add(child.pid);
  signal.addEventListener("abort", child.kill);
  const code = await child.exited;
  signal.removeEventListener("abort", child.kill);
  control.children.delete(child.pid);
  return code === 0 ? null : `${key} ended with code ${code}`;
}
