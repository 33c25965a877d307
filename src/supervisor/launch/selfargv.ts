/**
 * The command line of another dt that this one starts. Below the verbs only this file writes dt's global
 * flags (commands/parse/globals.ts) into a command line.
 */
import { FLAG } from "../../sys/text/flags.ts";

interface SelfOptions {
  /** Default: the root of its working directory. */
  root?: string | undefined;
  /** Whether a one-shot's output is kept. Default: as its manifest says. */
  capture?: boolean;
}

/** `self`: what starts this dt (sys/base/self.ts). `words`: what stands after the global flags. */
export function selfArgv(
  self: readonly string[],
  { root, capture, words }: { words: readonly string[] } & SelfOptions,
): [string, ...string[]] {
  const inRoot = root === undefined ? [] : [FLAG.directory, root];
  const kept = capture === undefined ? [] : [capture ? FLAG.capture : FLAG.noCapture];
  return [...self, ...inRoot, ...kept, ...words] as unknown as [string, ...string[]];
}
