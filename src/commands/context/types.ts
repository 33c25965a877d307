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
  /** To be called when it is sure that the command is there and is run. */
  begin(): void;
}

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
  /** `asStranger`: for a command that is not the root's, in a root that is not trusted: it gets nothing of the root. */
  runner(asStranger?: boolean): RunnerContext;
  /** DIALTONE_HOME; null when there is none. */
  home(): string | null;
  /** Whether this user never ran anything of the root: of the user's own commands none gets anything of it then, whoever runs them. */
  isStranger(): boolean;
  /** How much of the root's manifests is followed by who only looks. */
  reading(): Reading;
  /** The manifests for who only looks, loaded anew where they changed: of a root that is not trusted its data alone. */
  index(options?: { refresh?: boolean }): Promise<ManifestIndex>;
  /** The same as last loaded, without running anything; null when never. */
  peek(): Promise<ManifestIndex | null>;
  /** What the manifests declare as far as that is known without running code, for whoever was given a name that left nothing on disk. */
  glance(): Promise<Glance>;
  /**
   * The manifests for a command that is run by its words: all of them, the plugin `wanted` for sure. Nothing is remembered of it before `begin`.
   * `isStart`: a stop that comes while they are loaded is to see it (announced.ts). Default: true.
   */
  act(wanted?: string, isStart?: boolean): Promise<Acting>;
}
