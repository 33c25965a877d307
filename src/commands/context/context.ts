/** What a verb needs, made once at the edge. The process table, the store and the index are made only when a verb asks. */

import { join } from "node:path";
import type { Reading } from "../../manifest/cache/reading.ts";
import { LOADING } from "../../manifest/depends/begun.ts";
import type { ManifestIndex } from "../../manifest/model/resolved.ts";
import { makeTalk, wantsColor } from "../../output/talk.ts";
import { describeAsker } from "../../state/asker.ts";
import { isInPlaceOfTrusted, isTrusted } from "../../state/trust.ts";
import { KNOWN_MARK, TICKET_MARK } from "../../supervisor/launch/marks.ts";
import type { Announced, Ground } from "../../supervisor/launch/types.ts";
import { personsEnvironment } from "../../supervisor/prepare/selfenv.ts";
import { DtError, EXIT } from "../../sys/base/error.ts";
import { workingDirectory } from "../../sys/base/here.ts";
import { lazy } from "../../sys/base/lazy.ts";
import { selfCommand } from "../../sys/base/self.ts";
import type { LockBackend } from "../../sys/lock/lock.ts";
import { cacheDirectoryOf, homeDirectory, noRootError, runDirectoryOf } from "../../sys/places/paths.ts";
import { findRoot, otherOwnerOf } from "../../sys/places/root.ts";
import { showPrompt } from "../../values/commandline.ts";
import { remember, rootRequest } from "./acting.ts";
import { tellOnce } from "./once.ts";
import type { DtContext, Globals } from "./types.ts";

export function makeContext(
  globals: Globals,
  argv: readonly string[],
  ownEnv: Record<string, string | undefined>,
  held: string | null,
): DtContext {
  const env = personsEnvironment(ownEnv);
  // The globals may still change: a verb reads those that stand behind it.
  const talk = makeTalk(globals, env);
  const root = lazy(() => {
    const cwd = workingDirectory();
    const passed: string[] = [];
    const found = findRoot(rootRequest(globals, cwd, env, (text) => passed.push(text)));
    for (const text of passed) talk.detail(text);
    if (found === null) throw noRootError(globals.root ?? cwd ?? "", passed);
    return found;
  });
  const table = lazy(() => {
    const { makeProcessTable } = require("../../sys/process/table.ts") as typeof import("../../sys/process/table.ts");
    return makeProcessTable();
  });
  const home = lazy(() => homeDirectory(env));
  const store = lazy(() => {
    const directory = runDirectoryOf(root(), env);
    tellMoved();
    const { openStore } = require("../../state/store.ts") as typeof import("../../state/store.ts");
    return openStore({ directory, home: home(), table: table() });
  });
  const cache = () => cacheDirectoryOf(root(), env);
  const owner = lazy(() => otherOwnerOf(root(), env));
  const isOfDaemon = ownEnv[KNOWN_MARK] === "1";
  const acting: Reading = isOfDaemon ? "known" : "all";
  const isStranger = lazy(() => !isTrusted({ home: home(), env }, root()));
  const reading = lazy((): Reading => (isOfDaemon || !isStranger() ? acting : "data"));
  /** Only state elsewhere than in the project's own folder is left behind when that is moved. */
  const tellMoved = () => {
    const at = home();
    const runDir = env.DIALTONE_RUN_DIR;
    if (!runDir || at === null || isOfDaemon) return;
    const { tellLeftBehind } = require("./leftbehind.ts") as typeof import("./leftbehind.ts");
    tellLeftBehind({ root: root(), home: at, env, talk }, runDir);
  };
  const openFiles = lazy(() => {
    const { inheritedOpenFiles } = require("../../sys/spawn/limits.ts") as typeof import("../../sys/spawn/limits.ts");
    return inheritedOpenFiles();
  });
  const makeGround = (reading: Reading, isStrange: true | undefined): Ground => ({
    get table() {
      return table();
    },
    // A one-shot has no need of the run directory, so one that cannot be used does not hinder it.
    get store() {
      return store();
    },
    root: root(),
    home: home(),
    env,
    cache: cache(),
    self: selfCommand(),
    get openFiles() {
      return openFiles();
    },
    lockBackend: lockBackendOf(env),
    reading,
    ...(isStrange === undefined ? {} : { isStrange }),
    owner: owner(),
    onCommand: (line, cwd) => talk.detail(() => showPrompt(line, cwd)),
  });
  // What the daemon runs is no act of a person's, so it makes no root a trusted one.
  const ground = lazy(() => makeGround(acting, isOfDaemon && isStranger() ? true : undefined));
  const where = () => ({ root: root(), home: home(), cacheDir: cache(), env, owner: owner() });
  const place = () => ({ ...where(), reading: reading() });
  let announced: Announced | null = null;
  /** What comes under a ticket, or for a manifest that is being loaded, has its place already. */
  const announce = async () => {
    if (globals.dryRun || announced !== null || ownEnv[TICKET_MARK] !== undefined || env[LOADING] !== undefined) return;
    const { announceStart } = await import("../../supervisor/ticket/announced.ts");
    try {
      announced = announceStart(ground(), describeAsker("user", argv));
    } catch (error) {
      // A one-shot has no need of a run directory; a start will say itself what is wrong with it.
      if (!(error instanceof DtError)) throw error;
    }
  };
  const tell = (index: ManifestIndex | null) => {
    if (index !== null && !isOfDaemon) tellOnce({ ...where(), talk }, index);
    return index;
  };
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
    runner: (asStranger = false) => ({
      ground: asStranger ? makeGround(isOfDaemon ? acting : "data", true) : ground(),
      talk,
      env,
      ownEnv,
      argv,
      json: globals.json,
      dryRun: globals.dryRun,
      verbose: globals.verbose,
      capture: globals.capture,
      held,
      announced,
    }),
    home,
    isStranger,
    reading,
    index: async ({ refresh = false } = {}) => {
      const index = await (await import("../../manifest/index.ts")).loadIndex({ ...place(), refresh });
      tell(index);
      return index;
    },
    peek: async () => tell((await import("../../manifest/glance.ts")).peekIndex(place())),
    glance: async () => (await import("../../manifest/glance.ts")).glanceIndex(place()),
    act: async (wanted, isStart = true) => {
      // A job was begun for the folder that was there then.
      if (!isOfDaemon && env.DIALTONE_JOB !== undefined && isInPlaceOfTrusted(home(), root()))
        throw anotherFolder(root());
      const { index, entries } = await (await import("../../manifest/index.ts")).loadManifests({
        ...where(),
        reading: acting,
        ...(wanted === undefined ? {} : { wanted }),
        ...(isStart ? { onLoad: announce } : {}),
      });
      return {
        index,
        begin: () => void (isOfDaemon || remember({ ...where(), talk, isStrange: reading() === "data" }, entries)),
      };
    },
  };
}

/** Remembers the root in the user's home when something is first started in it. */
export function rememberRoot(context: DtContext): void {
  const home = context.home();
  if (home === null) return;
  const { rememberRootIn } = require("../../state/roots.ts") as typeof import("../../state/roots.ts");
  const root = context.root();
  if (!rememberRootIn(join(home, "roots"), root)) return;
  const { tellFormerRegistration } = require("./leftbehind.ts") as typeof import("./leftbehind.ts");
  tellFormerRegistration({ root, home, talk: context.talk });
  const { isTracked } = require("../../sys/files/tracked.ts") as typeof import("../../sys/files/tracked.ts");
  const directory = join(root, ".dialtone");
  if (isTracked(directory)) context.talk.warn(trackedSentence(directory));
}

/** Said once, at the first start, and by `doctor`. */
export function trackedSentence(directory: string): string {
  const { showWord } = require("../../sys/text/shell.ts") as typeof import("../../sys/text/shell.ts");
  return `git tracks files of ${directory}, where dt keeps its state. \`git rm -r --cached ${showWord(directory)}\` ends that`;
}

function anotherFolder(root: string): DtError {
  return new DtError(
    "another-folder",
    `Another folder is at ${root} by now, and a job that was begun for the one before runs nothing of it.`,
    {
      status: EXIT.usage,
      hint: "`dt trust` there trusts it.",
    },
  );
}

function lockBackendOf(env: Record<string, string>): LockBackend | undefined {
  const forced = env.DIALTONE_LOCK_BACKEND;
  if (forced === undefined || forced === "") return undefined;
  if (forced === "link" || forced === "excl") return forced;
  throw new DtError("bad-environment", `DIALTONE_LOCK_BACKEND should be "link" or "excl", but is "${forced}".`, {
    status: EXIT.usage,
  });
}
