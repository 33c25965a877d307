/** How dt starts itself again: the compiled binary, or Bun with the entry file when working on dt from source. */

/** The argument vector that runs this very dt; arguments are appended. */
export function selfCommand(): string[] {
  return Bun.isStandaloneExecutable ? [process.execPath] : [process.execPath, Bun.main];
}
