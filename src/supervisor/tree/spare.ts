/**
 * Which processes `stop.spare` names. A name is a program's: the kernel's short name of the process (cut at 15
 * characters) or the file it was started from. Where an interpreter runs it, it is also the script's or the main
 * class's name: a gradle daemon is a `java` like any other, and is spared as `GradleDaemon`.
 */
import type { ProcessEntry, ProcessTable } from "../../sys/process/identity.ts";

/** The kernel keeps 16 bytes, the last of them zero. */
const COMM_LENGTH = 15;

/** Programs whose own name does not tell what they run. Shells are left out, since their arguments may be anything. */
const INTERPRETER = /^(?:java|node|bun|deno|python[\d.]*|ruby[\d.]*|perl[\d.]*|php[\d.]*)$/;

/** Reads a command line only if there are names and none of them is the short name. */
export function isSpared(
  table: ProcessTable,
  { entry, names }: { entry: ProcessEntry; names: readonly string[] },
): boolean {
  if (names.length === 0) return false;
  if (names.some((name) => entry.comm === name.slice(0, COMM_LENGTH))) return true;
  const [program = "", ...words] = table.commandLineOf(entry.pid).split(" ");
  const file = lastPart(program, "/");
  if (names.includes(file)) return true;
  return (
    INTERPRETER.test(file) &&
    words.some((word) => names.includes(lastPart(word, "/")) || names.includes(lastPart(word, ".")))
  );
}

function lastPart(word: string, separator: string): string {
  return word.slice(word.lastIndexOf(separator) + 1);
}
