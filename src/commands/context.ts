/** What a verb needs, made once at the edge. The process table, the store and the index are made only when a verb asks. */

import { join } from "node:path";
import type { ManifestIndex } from "../manifest/resolved.ts";
import { showCommand } from "../output/shell.ts";
import { makeTalk, type Talk, wantsColor } from "../output/talk.ts";
import type { RunnerContext } from "../runners/context.ts";
import { openStore, type Store } from "../state/store.ts";
import { personsEnvironment } from "../supervisor/selfenv.ts";
import type { Ground } from "../supervisor/types.ts";
import { DtError, EXIT } from "../sys/error.ts";
import { lazy } from "../sys/lazy.ts";
import { inheritedOpenFiles } from "../sys/limits.ts";
import type { LockBackend } from "../sys/lock.ts";
import { cacheDirectoryOf, findRoot, homeDirectory, noRootError, runDirectoryOf } from "../sys/paths.ts";
import { makeProcessTable } from "../sys/process.ts";
import { selfCommand } from "../sys/self.ts";

export interface Globals {
  root: string | undefined;
  verbose: boolean;
  quiet: boolean;
  dryRun: boolean;
  json: boolean;
  color: boolean | null;
  /** `--capture` and `--no-capture`; null: as the manifest says. */
  capture: boolean | null;
}

export interface DtContext {
  globals: Globals;
  /** The words after `dt`, as given. */
  argv: readonly string[];
  ownEnv: Record<string, string | undefined>;
  /** The environment of whoever ran dt. */
  env: Record<string, string>;
  talk: Talk;
  /** Whether standard output is to be coloured. */
  colored(): boolean;
  /** The project root; throws when there is none. */
  root(): string;
  store(): Store;
  ground(): Ground;
  runner(): RunnerContext;
  /** The manifests, loaded anew where they changed. */
  index(options?: { refresh?: boolean }): Promise<ManifestIndex>;
  /** The manifests as last loaded, without running anything; null when never. */
  peek(): Promise<ManifestIndex | null>;
}

export function makeContext(
  globals: Globals,
  argv: readonly string[],
  ownEnv: Record<string, string | undefined>,
  cwd: string,
  held: string | null,
): DtContext {
  const env = personsEnvironment(ownEnv);
  const talk = makeTalk({ quiet: globals.quiet, verbose: globals.verbose, color: globals.color, env });
  const root = lazy(() => {
    const found = findRoot({ directory: globals.root, cwd, env });
    if (found === null) throw noRootError(globals.root ?? cwd);
    return found;
  });
  const table = lazy(makeProcessTable);
  const home = lazy(() => homeDirectory(env));
  const store = lazy(() => openStore({ directory: runDirectoryOf(root(), env), home: home(), table: table() }));
  const cache = () => cacheDirectoryOf(root(), env);
  const ground = lazy(
    (): Ground => ({
      table: table(),
      // A one-shot has no need of the run directory, so one that cannot be used does not hinder it.
      get store() {
        return store();
      },
      root: root(),
      home: home(),
      env,
      cache: cache(),
      self: selfCommand(),
      openFiles: inheritedOpenFiles(),
      lockBackend: lockBackendOf(env),
      onCommand: (argv) => talk.detail(`$ ${showCommand(argv)}`),
    }),
  );
  const where = () => ({ root: root(), home: home(), cacheDir: cache(), env });
  return {
    globals,
    argv,
    ownEnv,
    env,
    talk,
    colored: () => wantsColor(1, { color: globals.color, env }),
    root,
    store,
    ground,
    runner: () => ({
      ground: ground(),
      talk,
      env,
      ownEnv,
      argv,
      json: globals.json,
      dryRun: globals.dryRun,
      verbose: globals.verbose,
      capture: globals.capture,
      held,
    }),
    index: async ({ refresh = false } = {}) =>
      (await import("../manifest/index.ts")).loadIndex({ ...where(), refresh }),
    peek: async () => (await import("../manifest/index.ts")).peekIndex(where()),
  };
}

/** Remembers the root in the user's home when something is first started in it. */
export function rememberRoot(context: DtContext): void {
  const home = homeDirectory(context.env);
  if (home === null) return;
  const { rememberRootIn } = require("../state/roots.ts") as typeof import("../state/roots.ts");
  if (!rememberRootIn(join(home, "roots"), context.root())) return;
  const { isTracked } = require("../sys/tracked.ts") as typeof import("../sys/tracked.ts");
  const directory = join(context.root(), ".dialtone");
  if (isTracked(directory)) context.talk.warn(trackedSentence(directory));
}

/** Said once, at the first start, and by `doctor`. */
export function trackedSentence(directory: string): string {
  return `git tracks files of ${directory}, where dt keeps its state: git rm -r --cached ${directory}`;
}

function lockBackendOf(env: Record<string, string>): LockBackend | undefined {
  const forced = env.DIALTONE_LOCK_BACKEND;
  if (forced === undefined || forced === "") return undefined;
  if (forced === "link" || forced === "excl") return forced;
  throw new DtError("bad-environment", `DIALTONE_LOCK_BACKEND should be "link" or "excl", but is "${forced}".`, {
    status: EXIT.usage,
  });
}
