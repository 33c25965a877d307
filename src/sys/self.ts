/** How dt starts itself again: the compiled binary, or Bun with the entry file when working on dt from source. */
import { statSync } from "node:fs";

/** The argument vector that runs this very dt; arguments are appended. */
export function selfCommand(): string[] {
  return Bun.isStandaloneExecutable ? [process.execPath] : [process.execPath, Bun.main];
}

/** What the kernel runs for this process, also when nothing is at its path any more. */
const RUNNING = "/proc/self/exe";

/**
 * As `selfCommand`, for a child that must be of the same build: a host lives on while dt is upgraded or removed, and then its path
 * is another dt, or none. For direct children alone: elsewhere `/proc/self` is somebody else.
 *
 * Known limit: Linux alone.
 */
export function sameBuildCommand(): string[] {
  const [path, ...rest] = selfCommand() as [string, ...string[]];
  return [isReplaced(path) ? RUNNING : path, ...rest];
}

function isReplaced(path: string): boolean {
  const running = statSync(RUNNING, { throwIfNoEntry: false });
  if (running === undefined) return false; // no such thing on this system
  const there = statSync(path, { throwIfNoEntry: false });
  return there === undefined || there.ino !== running.ino || there.dev !== running.dev;
}
