/**
 * A manifest's failure as lines, one for each fault. A line break in the name of a file or folder starts no new line.
 */
import { dirname } from "node:path";
import { oneLine } from "../../sys/text/visible.ts";
import type { ManifestFailure } from "./resolved.ts";

export function faultsOf({ file, message }: Pick<ManifestFailure, "file" | "message">): string[] {
  const directory = dirname(file);
  return message.replaceAll(file, oneLine(file)).replaceAll(directory, oneLine(directory)).split("\n");
}
