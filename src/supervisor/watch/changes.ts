/**
 * What changes of watched files lead to, one batch after the other. A batch without changed content leads to nothing,
 * another one to a restart, after the one-shot that is to run first. If it looks like a loop (rounds.ts), the restart
 * waits for silence.
 */
import { relative } from "node:path";
import type { ResolvedRestartOn } from "../../manifest/model/resolved.ts";
import { lineageFor } from "../../sys/process/lineage.ts";
import { spawnProbe } from "../../sys/spawn/spawn.ts";
import type { Contents } from "../../sys/watch/contents.ts";
import { keyWords } from "../../values/key.ts";
import { selfArgv } from "../launch/selfargv.ts";
import { hostEnvironment } from "../prepare/selfenv.ts";
import type { Host, HostedRun } from "../run/types.ts";
import { type FileState, noteFiles } from "./filestate.ts";
import { type Rounds, signsOf } from "./rounds.ts";

/**
 * How long the one-shot before a restart may take to end once the launch is over, in milliseconds: the process that
 * stopped the launch waits for this host.
 */
const GIVE_UP_MS = 1000;

interface Watched {
  on: ResolvedRestartOn;
  contents: Contents;
  rounds: Rounds;
}

interface Changes {
  work(changed: string[], since: number): Promise<void>;
  close(): void;
}

export function makeChanges(state: FileState, watched: Watched): Changes {
  const { contents, rounds } = watched;
  const { ground } = state.host;
  let silence: ReturnType<typeof setTimeout> | null = null;
  const held = new Set<string>();
  const nameOf = (path: string) => (path.startsWith(`${ground.root}/`) ? relative(ground.root, path) : path);
  const close = () => {
    if (silence !== null) clearTimeout(silence);
    silence = null;
  };
  return {
    async work(changed, since) {
      const now = performance.now();
      const found = await contents.changed(changed);
      const { run } = state;
      if (run === null || found.length === 0) return;
      const paths = found.map(({ path }) => nameOf(path));
      const files = found.map((one) => signsOf(nameOf(one.path), one.isNew));
      const verdict = rounds.judge({ at: since, now, files });
      close();
      for (const path of paths) held.add(path);
      const all = [...held];
      if (verdict.is === "work") {
        held.clear();
        if (verdict.mayLoop !== undefined)
          noteFiles(state, { text: describeDoubt(run.record.key, { paths, rounds: verdict.mayLoop }) });
        if (verdict.afterMs > 0) await Bun.sleep(verdict.afterMs);
        return restart(state, { watched, paths: all });
      }
      if (verdict.isFirst)
        hold(state, {
          why: describeLoop(run.record.key, { paths, silenceMs: verdict.silenceMs }),
          loop: describePaths(paths),
        });
      if (!verdict.settles) return;
      // It changes although nothing is restarted: its last content still counts.
      silence = setTimeout(() => {
        held.clear();
        rounds.release();
        void restart(state, { watched, paths: all });
      }, verdict.silenceMs);
    },
    close,
  };
}

function hold(state: FileState, { why, loop }: { why: string; loop?: string | undefined }): void {
  noteFiles(state, {
    change: { held: { at: new Date().toISOString(), why, ...(loop === undefined ? {} : { loop }) } },
    text: why,
  });
}

/** One at a time: a silence, or another watch, can ask for a restart while the one-shot of the restart before runs. */
async function restart(
  state: FileState,
  { watched: { on, rounds }, paths }: { watched: Watched; paths: string[] },
): Promise<void> {
  const { host, over } = state;
  const because = `${describePaths(paths)} changed`;
  const before = Promise.resolve(state.first).catch(() => null);
  state.first = before.then(() => {
    const { run } = state;
    if (run === null || over.aborted) return null;
    rounds.working(performance.now());
    return on.run === null ? null : runFirst(host, { run, key: on.run, signal: over });
  });
  const why = await state.first;
  if (over.aborted) return;
  if (why !== null) return hold(state, { why: `${because}, but ${why}: not restarted` });
  delete state.note?.held;
  host.control.ask({ is: "changed", because });
}

/**
 * Runs the one-shot before a restart. Returns why it failed; null when it succeeded. Its output is kept as a run of its
 * own key, for `dt logs` and `dt why`.
 */
async function runFirst(
  { ground, control }: Host,
  { run, key, signal }: { run: HostedRun; key: string; signal: AbortSignal },
): Promise<string | null> {
  const { self, root, openFiles } = ground;
  const argv = selfArgv(self, { root, capture: true, words: keyWords(key) });
  const token = crypto.randomUUID().replaceAll("-", "");
  const env = hostEnvironment(run.spec.env, root);
  const child = spawnProbe(
    { argv, cwd: root, env, lineage: lineageFor(token) },
    { openFiles, inherits: run.spec.inherits },
  );
  if ("error" in child) return `${key} could not be run: ${child.error}`;
  control.children.add(child.pid);
  let ending: Promise<void> | null = null;
  const end = () => {
    ending ??= import("../oneshot/endtree.ts").then(({ endTree }) =>
      endTree(ground, { pid: child.pid, token, key, signal: "SIGTERM", timeoutMs: GIVE_UP_MS }),
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

function describeDoubt(key: string, { paths, rounds }: { paths: readonly string[]; rounds: number }): string {
  return `${describePaths(paths)} changed soon after each of its last ${rounds} starts: if ${key} writes it, leave it out with \`ignore\` or a \`!\` pattern`;
}

function describeLoop(key: string, { paths, silenceMs }: { paths: readonly string[]; silenceMs: number }): string {
  return `${describePaths(paths)} changed at the same moment after each of the last starts, so it looks as if the command, or its \`run\`, changes what restarts it: not restarted until another file changes, or this one after ${silenceMs / 1000} s of silence; \`ignore\` or a \`!\` pattern leaves it out, dt restart ${key} restarts it now`;
}

/** `content/a.md`, or `content/a.md and 3 more`. */
function describePaths(paths: readonly string[]): string {
  return paths.length === 1 ? `${paths[0]}` : `${paths[0]} and ${paths.length - 1} more`;
}
