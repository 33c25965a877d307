/** Temporary directories of one test file, removed when the file is done. */
import { afterAll } from "bun:test";
import { rmSync } from "node:fs";
import { makeTemporary } from "./temporary.ts";

/** Called once at the top of a test file; each call of what it gives makes another empty directory. */
export function makeScratch(): () => string {
  const made: string[] = [];
  afterAll(() => {
    for (const directory of made) rmSync(directory, { recursive: true, force: true });
  });
  return () => {
    const directory = makeTemporary("unit");
    made.push(directory);
    return directory;
  };
}
