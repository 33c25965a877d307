/** What every runner receives. No code in this file. */
import type { OneshotSettings } from "../../manifest/model/resolved.ts";
import type { Talk } from "../../output/talk.ts";
import type { Announced, Ground } from "../../supervisor/launch/types.ts";

export interface RunnerContext {
  ground: Ground;
  talk: Talk;
  /** The environment of the caller. */
  env: Record<string, string>;
  /** dt's own environment, unchanged. */
  ownEnv: Record<string, string | undefined>;
  /** The words after the program's name, as given. */
  argv: readonly string[];
  json: boolean;
  dryRun: boolean;
  verbose: boolean;
  /** Null: as declared in the manifest. */
  capture: boolean | null;
  /** The announcement made before the manifests were loaded; null when they were known already. */
  announced: Announced | null;
  /**
   * The signal mask that dt was started with, when it has executed itself again to capture a one-shot; otherwise null.
   */
  held: string | null;
}

export interface OneshotRequest {
  plugin: string;
  command: string;
  variant: string;
  /** The path of the manifest, for a handler. */
  file: string;
  settings: OneshotSettings;
  args: readonly string[];
  /** File descriptors beyond the standard three that dt was given. */
  descriptors: readonly number[];
}
