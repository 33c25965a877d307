/** One root, as the daemon works in it: its ground, its manifests as they are now, and the state of its keys. */
import { existsSync } from "node:fs";
import { loadIndex } from "../manifest/index.ts";
import { isAnythingKnown, type Waiting, waitingIn } from "../manifest/known.ts";
import type { Reading } from "../manifest/reading.ts";
import type { ManifestIndex, Settings } from "../manifest/resolved.ts";
import { describeAsker } from "../state/asker.ts";
import { formatKey, parseKey } from "../state/key.ts";
import { openStore } from "../state/store.ts";
import { isTrusted, readTrust } from "../state/trust.ts";
import type { KeyState, LaunchRecord } from "../state/types.ts";
import { judgeState } from "../state/view.ts";
import { refuseChanged } from "../supervisor/manifests.ts";
import { KNOWN_MARK, TICKET_MARK } from "../supervisor/marks.ts";
import { dropTicket, handTicket } from "../supervisor/pending.ts";
import type { Ground } from "../supervisor/types.ts";
import type { FileRead } from "../sys/files.ts";
import { type ProcessTable, presenceOf } from "../sys/identity.ts";
import { inheritedOpenFiles } from "../sys/limits.ts";
import { cacheDirectoryOf, runDirectoryOf } from "../sys/paths.ts";
import { selfCommand } from "../sys/self.ts";

export interface World {
  home: string;
  /** Of whoever started the daemon. */
  env: Record<string, string>;
  table: ProcessTable;
}

/** Throws when its run directory is not to be trusted. */
export function groundOf({ home, env, table }: World, root: string): Ground {
  return {
    table,
    store: openStore({ directory: runDirectoryOf(root, env), home, table }),
    root,
    home,
    env,
    cache: cacheDirectoryOf(root, env),
    self: selfCommand(),
    openFiles: inheritedOpenFiles(),
    lockBackend: undefined,
    reading: readingOf(env),
    // Asked each time: a person may trust it meanwhile, or no more.
    get isStrange() {
      return readingOf(env) === "known" && !isTrusted({ home, env }, root);
    },
  };
}

/** The daemon goes by what was taken over, `dt watch`, which shares this, by the files. */
function readingOf(env: World["env"]): Reading {
  return env[KNOWN_MARK] === "1" ? "known" : "all";
}

/** As a person last took it over. */
export function indexOf({ home, env }: World, root: string): Promise<ManifestIndex> {
  const place = { root, home, cacheDir: cacheDirectoryOf(root, env), env, owner: ownerIn({ home, env }, root) };
  return loadIndex({ ...place, reading: "known" });
}

/** A trusted root of which nothing was ever taken over: whoever asks to start something there is the first to. */
export function isFirstAct({ home, env }: Pick<World, "home" | "env">, root: string): boolean {
  return isTrusted({ home, env }, root) && !isAnythingKnown({ root, home });
}

/** What of a root the daemon does not follow until a person takes it over. */
export function waitsIn({ home, env }: Pick<World, "home" | "env">, root: string): Waiting {
  return waitingIn({ root, home, env, owner: ownerIn({ home, env }, root) });
}

/** The other user whom a person accepted as the owner of a root. */
function ownerIn({ home }: Pick<World, "home" | "env">, root: string): number | null {
  return readTrust(home, root)?.owner ?? null;
}

/** Throws when code of a manifest is to be run that is not as it was taken over. */
export function refuseChangedIn({ home, env }: Pick<World, "home" | "env">, root: string, file: string): void {
  refuseChanged({ root, home, reading: readingOf(env), owner: ownerIn({ home, env }, root) }, env, file);
}

export interface Declared {
  key: string;
  plugin: string;
  settings: Settings;
}

/** Every command of every plugin, by its whole key. */
export function declaredIn({ plugins }: ManifestIndex): Declared[] {
  return Object.values(plugins).flatMap((plugin) =>
    Object.values(plugin.commands).flatMap((command) =>
      Object.entries(command.variants).map(([variant, settings]) => ({
        key: `${plugin.name}:${command.name}:${variant}`,
        plugin: plugin.name,
        settings,
      })),
    ),
  );
}

export interface Seen {
  state: KeyState | null;
  pid: number | null;
  record: LaunchRecord | null;
}

/** As `ps` would show it, by record and process alone: no tree is looked through. */
export function lookAtKey({ store, table }: Ground, key: string): Seen {
  const record = there(store.record(key));
  const presence = (of: LaunchRecord["leader"] | undefined) => (of == null ? "gone" : presenceOf(table, of));
  const state = judgeState({
    record,
    history: record === null ? null : there(store.history(record.token)),
    exit: there(store.exit(key)),
    leader: presence(record?.leader),
    host: presence(record?.host),
    treeFound: false,
    locked: false,
  });
  return { state, pid: record?.leader?.pid ?? null, record };
}

function there<T>(read: FileRead<T>): T | null {
  return read.is === "there" ? read.value : null;
}

/** Where nothing was ever started there is nothing that a stop could be compared with, and no folder for it. */
export async function asStart<T>(
  world: World,
  root: string,
  word: string,
  run: (env: Record<string, string>) => Promise<T>,
): Promise<T> {
  const parts = parseKey(word);
  const ground = parts === null || !existsSync(runDirectoryOf(root, world.env)) ? null : groundOf(world, root);
  if (parts === null || ground === null) return run({});
  const key = formatKey(parts);
  const { ticket, mark } = handTicket(ground, key, describeAsker("user", ["daemon"]));
  try {
    return await run({ [TICKET_MARK]: mark });
  } finally {
    dropTicket(ground, { key, ticket });
  }
}
