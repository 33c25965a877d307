/** Programs that some tests need and a machine may lack: then these tests are skipped with a word, but never on CI. */

/** Null when a program is not there. */
export function findTool(name: string): string | null {
  const path = Bun.which(name);
  if (path !== null) return path;
  if (process.env.CI) throw new Error(`${name} is not installed, and CI must not skip its tests`);
  console.error(`skipped: ${name} is not installed, so what needs it is not tested`);
  return null;
}
