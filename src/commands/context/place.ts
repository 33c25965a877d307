/**
 * Where a call of dt stands: its root, the user's home, and how far the user trusts the root. Each is looked for when
 * it is first asked for, and once: a call that asks for no root needs none.
 */
import type { Reading } from "../../manifest/cache/reading.ts";
import { makeTalk, type Talk } from "../../output/talk.ts";
import { isTrusted } from "../../state/trust.ts";
import { KNOWN_MARK } from "../../supervisor/launch/marks.ts";
import { callerEnvironment } from "../../supervisor/prepare/selfenv.ts";
import { resolveFrom, workingDirectory } from "../../sys/base/here.ts";
import { lazy } from "../../sys/base/lazy.ts";
import { cacheDirectoryOf, homeDirectory, noRootError } from "../../sys/places/paths.ts";
import { findRoot, otherOwnerOf } from "../../sys/places/root.ts";
import { rootRequest } from "./acting.ts";
import type { Globals } from "./types.ts";

/** What a call was made with. */
export interface CallGiven {
  /** They may still change: a verb reads those that follow it. */
  globals: Globals;
  /** The words after `dt`, as given. */
  argv: readonly string[];
  /** The environment of dt itself. */
  ownEnv: Record<string, string | undefined>;
}

export interface CallPlace extends CallGiven {
  env: Record<string, string>;
  talk: Talk;
  root(): string;
  home(): string | null;
  cache(): string;
  /** The user that owns the root, if that is another user; else null. */
  owner(): number | null;
  /** Whether the daemon runs this call: then it is no act of a person's. */
  isOfDaemon: boolean;
  /** How much of the manifests a command that is run by its words reads. */
  acting: Reading;
  isStranger(): boolean;
  /** How much of the manifests is read by a call that only looks. */
  reading(): Reading;
}

export function makeCallPlace({ globals, argv, ownEnv }: CallGiven): CallPlace {
  const env = callerEnvironment(ownEnv);
  const talk = makeTalk(globals, env);
  const root = lazy(() => {
    const cwd = workingDirectory();
    const passed: string[] = [];
    const found = findRoot(rootRequest(globals, { cwd, env, onPassed: (text) => passed.push(text) }));
    for (const text of passed) talk.detail(text);
    if (found === null)
      throw noRootError(globals.root === undefined ? (cwd ?? "") : resolveFrom(cwd, globals.root), passed);
    return found;
  });
  const home = lazy(() => homeDirectory(env));
  const isOfDaemon = ownEnv[KNOWN_MARK] === "1";
  const acting: Reading = isOfDaemon ? "known" : "all";
  const isStranger = lazy(() => !isTrusted({ home: home(), env }, root()));
  return {
    globals,
    argv,
    ownEnv,
    env,
    talk,
    root,
    home,
    cache: () => cacheDirectoryOf(root(), env),
    owner: lazy(() => otherOwnerOf(root(), env)),
    isOfDaemon,
    acting,
    isStranger,
    reading: lazy((): Reading => (isOfDaemon || !isStranger() ? acting : "data")),
  };
}
