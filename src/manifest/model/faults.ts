/** What a manifest's failure says, as lines: each fault is one, and the place it names is no line of its own, whatever the file is called. */
import { dirname } from "node:path";
import { oneLine } from "../../sys/text/visible.ts";
import type { ManifestFailure } from "./resolved.ts";

export function faultsOf({ file, message }: Pick<ManifestFailure, "file" | "message">): string[] {
  const directory = dirname(file);
  return message.replaceAll(file, oneLine(file)).replaceAll(directory, oneLine(directory)).split("\n");
}
