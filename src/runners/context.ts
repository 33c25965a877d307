/** What every runner gets. No code in this file. */
import type { OneshotSettings } from "../manifest/resolved.ts";
import type { Talk } from "../output/talk.ts";
import type { Announced, Ground } from "../supervisor/types.ts";

export interface RunnerContext {
  ground: Ground;
  talk: Talk;
  /** The environment of whoever runs dt. */
  env: Record<string, string>;
  /** dt's own, as it is. */
  ownEnv: Record<string, string | undefined>;
  /** The words after the program's name, as given. */
  argv: readonly string[];
  json: boolean;
  dryRun: boolean;
  verbose: boolean;
  /** Null: as the manifest says. */
  capture: boolean | null;
  /** What was announced before the manifests were loaded; null: they were known. */
  announced: Announced | null;
  /** The signals that dt was started with blocked, when it became itself anew to capture a one-shot; else null. */
  held: string | null;
}

export interface OneshotRequest {
  plugin: string;
  command: string;
  variant: string;
  /** The manifest, for a handler. */
  file: string;
  settings: OneshotSettings;
  args: readonly string[];
  /** Open files beyond the standard three that dt was given. */
  descriptors: readonly number[];
}
