/** Makes the spec of a one-shot that is run for a launch. */
import type { ManifestIndex } from "../../manifest/model/resolved.ts";
import { keyParts } from "../../values/key.ts";
import type { TaskSpec } from "./types.ts";

type Given = Pick<TaskSpec, "key" | "settings" | "env" | "asker"> & Partial<TaskSpec>;

/** Default: skipped where its inputs are unchanged. */
export function makeTaskSpec({ plugins }: Pick<ManifestIndex, "plugins">, given: Given): TaskSpec {
  const parts = keyParts(given.key);
  const { file = "" } = plugins[parts.plugin] ?? {};
  return { ...parts, file, force: false, ...given };
}
