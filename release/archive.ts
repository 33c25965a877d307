/** Archives that are the same bytes whenever and wherever they are made of the same files, and their sums. */
import { createHash } from "node:crypto";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import * as tar from "tar";

/** A day in 1985 that no time zone moves into 1984: what archives call no time. */
const NO_TIME = new Date("1985-10-26T08:15:00.000Z");

/** `files`: what each is called in the archive, in that order, from where, with which mode. */
export async function makeArchive(path: string, files: Record<string, { from: string; mode: number }>): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), "dt-archive-"));
  try {
    for (const [name, { from, mode }] of Object.entries(files)) {
      mkdirSync(join(work, name, ".."), { recursive: true });
      copyFileSync(from, join(work, name));
      chmodSync(join(work, name), mode);
    }
    await tar.create(
      { file: path, cwd: work, gzip: { level: 9 }, portable: true, mtime: NO_TIME, noDirRecurse: true },
      Object.keys(files),
    );
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

export function sha256(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

/** As `sha256sum` writes and `sha256sum -c` reads it. */
export function writeSums(path: string, files: readonly string[]): void {
  const lines = files.map((file) => `${sha256(file)}  ${basename(file)}\n`);
  writeFileSync(path, lines.sort((a, b) => (a.slice(66) < b.slice(66) ? -1 : 1)).join(""));
}
