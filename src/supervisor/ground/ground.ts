/** The ground of one root, for a process that works in many of them. */
import type { Reading } from "../../manifest/cache/reading.ts";
import { openStore } from "../../state/store.ts";
import { isTrusted, readTrust } from "../../state/trust.ts";
import { selfCommand } from "../../sys/base/self.ts";
import { cacheDirectoryOf, runDirectoryOf } from "../../sys/places/paths.ts";
import type { ProcessTable } from "../../sys/process/identity.ts";
import { inheritedOpenFiles } from "../../sys/spawn/limits.ts";
import { makeGround } from "../launch/ground.ts";
import { KNOWN_MARK } from "../launch/marks.ts";
import type { Ground } from "../launch/types.ts";
import { refuseChanged } from "./manifests.ts";

export interface World {
  home: string;
  /** The environment of the caller that started the daemon. */
  env: Record<string, string>;
  table: ProcessTable;
}

/** Throws when the root's run directory cannot be trusted. */
export function groundOf({ home, env, table }: World, root: string): Ground {
  const openFiles = inheritedOpenFiles();
  const store = openStore({ directory: runDirectoryOf(root, env), home, table });
  return makeGround({
    table: () => table,
    store: () => store,
    root,
    home,
    env,
    cache: cacheDirectoryOf(root, env),
    self: selfCommand(),
    openFiles: () => openFiles,
    lockBackend: undefined,
    reading: readingOf(env),
    isStrange: () => readingOf(env) === "known" && !isTrusted({ home, env }, root),
  });
}

/** The daemon uses the manifests as they were taken over. `dt watch`, which shares this code, uses the files. */
function readingOf(env: World["env"]): Reading {
  return env[KNOWN_MARK] === "1" ? "known" : "all";
}

/** The other user whom the user accepted as the owner of a root. */
export function ownerIn({ home }: Pick<World, "home" | "env">, root: string): number | null {
  return readTrust(home, root)?.owner ?? null;
}

/** Throws when manifest code that is about to run differs from what was taken over. */
export function refuseChangedIn(
  { home, env }: Pick<World, "home" | "env">,
  { root, file }: { root: string; file: string },
): void {
  refuseChanged({ root, home, reading: readingOf(env), owner: ownerIn({ home, env }, root) }, { env, file });
}
