/** How dt starts itself again: the compiled binary, or Bun with the entry file when working on dt from source. */
import { statSync } from "node:fs";

/** The argument vector that runs this very dt; arguments are appended. */
export function selfCommand(): string[] {
  return Bun.isStandaloneExecutable ? [process.execPath] : [process.execPath, Bun.main];
}

/** The program that the kernel runs for this process, even when nothing is left at its path. */
const RUNNING = "/proc/self/exe";

/**
 * Like `selfCommand`, for a child that must be the same build: a host lives on while dt is upgraded or removed, and its
 * path is then another dt, or nothing. For direct children only: in another process `/proc/self` is that process.
 *
 * Known limit: Linux only.
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
