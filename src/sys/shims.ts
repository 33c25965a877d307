/**
 * Three tiny scripts on a command's PATH: `bun` (and `bunx`) is the Bun inside this binary, `dt` and `dialtone.sh` are this very dt.
 * `BUN_BE_BUN` is set by the first and taken away by the others, so that a dt started below a `bun` is a dt again.
 */
import { accessSync, constants, lstatSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { sha256 } from "./digest.ts";
import { makeDirectories, writeWhole } from "./files.ts";
import { ownUid, takePrivate } from "./ownplace.ts";
import { readPlain } from "./plainfile.ts";

/** Makes the shims of this binary below the first of `places` where they can be made and run; null when there is none. */
export function ensureShims(places: Iterable<string>, self: readonly string[]): string | null {
  const texts = Object.entries(shimTexts(self));
  const name = sha256(JSON.stringify(texts)).slice(0, 12);
  for (const place of places) {
    const directory = join(place, "shims", name);
    if (isUsable(directory, texts)) return directory;
    try {
      makeDirectories(place);
      // Root makes none in somebody else's home: what belongs to that user is not run, and what belonged to root would be in the way.
      if (statSync(place).uid !== ownUid()) continue;
      for (const own of [dirname(directory), directory]) takePrivate(own);
      for (const [file, text] of texts) writeShim(join(directory, file), text);
      if (isUsable(directory, texts)) return directory;
    } catch {
      // read-only, full or not to be trusted: the next place
    }
  }
  return null;
}

/**
 * All there with these very texts, on a file system that runs programs, and nobody else's to change: what lies here is executed. A place may be in
 * a project, which may have come with such files.
 */
function isUsable(directory: string, texts: readonly [string, string][]): boolean {
  try {
    if (!isOwn(dirname(directory)) || !isOwn(directory)) return false;
    for (const [file, text] of texts) {
      if (!hasText(join(directory, file), text)) return false;
      accessSync(join(directory, file), constants.X_OK);
    }
    return true;
  } catch {
    return false;
  }
}

function isOwn(directory: string): boolean {
  const stat = lstatSync(directory);
  return stat.isDirectory() && (stat.mode & 0o022) === 0 && (stat.uid === ownUid() || stat.uid === 0);
}

function hasText(file: string, text: string): boolean {
  const there = readPlain(file, { most: Buffer.byteLength(text) });
  return there.is === "there" && there.value === text;
}

function writeShim(file: string, text: string): void {
  if (!hasText(file, text)) writeWhole(file, text, { mode: 0o755 });
}

function shimTexts(self: readonly string[]): Record<string, string> {
  const quote = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;
  const bun = quote(self[0] as string);
  const dt = self.map(quote).join(" ");
  const asBun = (more: string) => `#!/bin/sh\nBUN_BE_BUN=1\nexport BUN_BE_BUN\nexec ${bun}${more} "$@"\n`;
  const asDt = `#!/bin/sh\nunset BUN_BE_BUN\nexec ${dt} "$@"\n`;
  return { bun: asBun(""), bunx: asBun(" x"), dt: asDt, "dialtone.sh": asDt };
}
