/** What a verb gets from the edge. No code in this file. */
import type { Reading } from "../../manifest/cache/reading.ts";
import type { Glance } from "../../manifest/glance.ts";
import type { ManifestIndex } from "../../manifest/model/resolved.ts";
import type { Talk } from "../../output/talk.ts";
import type { RunnerContext } from "../../runners/parts/types.ts";
import type { Store } from "../../state/store.ts";
import type { Ground } from "../../supervisor/launch/types.ts";

export interface Acting {
  index: ManifestIndex;
  /** To be called once it is certain that the command exists and will run. */
  begin(): void;
}

export interface Globals {
  root: string | undefined;
  verbose: boolean;
  quiet: boolean;
  dryRun: boolean;
  json: boolean;
  color: boolean | null;
  /** `--capture` and `--no-capture`; null: the manifest decides. */
  capture: boolean | null;
}

export interface DtContext {
  globals: Globals;
  /** The words after `dt`, as given. */
  argv: readonly string[];
  /** The environment of dt itself. */
  ownEnv: Record<string, string | undefined>;
  /** The environment of the caller of dt. */
  env: Record<string, string>;
  talk: Talk;
  /** Whether standard output is to be coloured. */
  colored(): boolean;
  /** The project root. Throws when there is none. */
  root(): string;
  store(): Store;
  ground(): Ground;
  /**
   * `asStranger`: for a command that is not the root's own, in a root that is not trusted. It gets nothing of the root.
   */
  runner(asStranger?: boolean): RunnerContext;
  /** DIALTONE_HOME; null when there is none. */
  home(): string | null;
  /**
   * Whether this user has never run anything of the root. If so, the user's own commands get nothing of it, also when
   * the daemon runs them.
   */
  isStranger(): boolean;
  /** How much of the root's manifests is read by a call that only looks. */
  reading(): Reading;
  /**
   * The manifests for a call that only looks, loaded again where they changed. In a root that is not trusted, of its
   * own manifests only those that are data.
   */
  index(options?: { refresh?: boolean }): Promise<ManifestIndex>;
  /** The manifests as last loaded, without running anything; null when they never were. */
  peek(): Promise<ManifestIndex | null>;
  /** What the manifests declare, as far as that is known without running code: for a name that left nothing on disk. */
  glance(): Promise<Glance>;
  /**
   * The manifests for a command that is run by its words: all of them. Failed ones that the plugin `wanted` does not
   * depend on are not tried again. Nothing is remembered before `begin` is called. `isStart`: the load is announced, so
   * that a stop during it can call the start off (supervisor/ticket/announced.ts). Default: true.
   */
  act(wanted?: string, isStart?: boolean): Promise<Acting>;
}
