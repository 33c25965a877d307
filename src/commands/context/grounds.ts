/**
 * The grounds that launches stand on in this call. The process table and the store are opened when they are first used.
 */
import type { Reading } from "../../manifest/cache/reading.ts";
import type { Store } from "../../state/store.ts";
import { makeGround } from "../../supervisor/launch/ground.ts";
import type { Ground } from "../../supervisor/launch/types.ts";
import { DtError, EXIT } from "../../sys/base/error.ts";
import { lazy } from "../../sys/base/lazy.ts";
import { selfCommand } from "../../sys/base/self.ts";
import type { LockBackend } from "../../sys/lock/lock.ts";
import { runDirectoryOf } from "../../sys/places/paths.ts";
import type { ProcessTable } from "../../sys/process/identity.ts";
import { showPrompt } from "../../values/commandline.ts";
import type { CallPlace } from "./place.ts";

export interface Grounds {
  store(): Store;
  ground(): Ground;
  /** For a command that is not the root's, in a root that is not trusted. */
  strangersGround(): Ground;
}

/**
 * Each is opened once, and only when it is used: a one-shot needs no run directory, so one that cannot be used does not
 * stop it.
 */
interface Opened {
  table(): ProcessTable;
  store(): Store;
  openFiles(): Ground["openFiles"];
}

export function makeGrounds(place: CallPlace): Grounds {
  const { isOfDaemon, acting } = place;
  const table = lazy(() => {
    const { makeProcessTable } = require("../../sys/process/table.ts") as typeof import("../../sys/process/table.ts");
    return makeProcessTable();
  });
  const store = lazy(() => {
    const directory = runDirectoryOf(place.root(), place.env);
    tellMoved(place);
    const { openStore } = require("../../state/store.ts") as typeof import("../../state/store.ts");
    return openStore({ directory, home: place.home(), table: table() });
  });
  const openFiles = lazy(() => {
    const { inheritedOpenFiles } = require("../../sys/spawn/limits.ts") as typeof import("../../sys/spawn/limits.ts");
    return inheritedOpenFiles();
  });
  const opened = { table, store, openFiles };
  return {
    store,
    // A command that the daemon runs is no act of a person's, so it does not make the root a trusted one.
    ground: lazy(() =>
      groundFor(place, { opened, reading: acting, isStrange: isOfDaemon && place.isStranger() ? true : undefined }),
    ),
    strangersGround: () => groundFor(place, { opened, reading: isOfDaemon ? acting : "data", isStrange: true }),
  };
}

function groundFor(
  place: CallPlace,
  { opened, reading, isStrange }: { opened: Opened; reading: Reading; isStrange: true | undefined },
): Ground {
  const { env, talk } = place;
  return makeGround({
    ...opened,
    root: place.root(),
    home: place.home(),
    env,
    cache: place.cache(),
    self: selfCommand(),
    lockBackend: lockBackendOf(env),
    reading,
    isStrange: () => isStrange,
    owner: place.owner(),
    onCommand: (line, cwd) => talk.detail(() => showPrompt(line, cwd)),
  });
}

/** When a project's folder is moved, only state that is kept outside it is left behind. */
function tellMoved({ home, env, isOfDaemon, root, talk }: CallPlace): void {
  const at = home();
  const runDir = env.DIALTONE_RUN_DIR;
  if (!runDir || at === null || isOfDaemon) return;
  const { tellLeftBehind } = require("./leftbehind.ts") as typeof import("./leftbehind.ts");
  tellLeftBehind({ root: root(), home: at, env, talk }, runDir);
}

function lockBackendOf(env: Record<string, string>): LockBackend | undefined {
  const forced = env.DIALTONE_LOCK_BACKEND;
  if (forced === undefined || forced === "") return undefined;
  if (forced === "link" || forced === "excl") return forced;
  throw new DtError("bad-environment", `DIALTONE_LOCK_BACKEND should be "link" or "excl", but is "${forced}".`, {
    status: EXIT.usage,
  });
}
