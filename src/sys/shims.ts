/**
 * Three tiny scripts on a command's PATH: `bun` (and `bunx`) is the Bun inside this binary, `dt` and `dialtone.sh` are this very dt.
 * `BUN_BE_BUN` is set by the first and taken away by the others, so that a dt started below a `bun` is a dt again.
 */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { sha256 } from "./digest.ts";
import { readText, writeWhole } from "./files.ts";

/** Makes the shims of this binary below the first of `places` that can be written; null when none can. */
export function ensureShims(places: readonly string[], self: readonly string[]): string | null {
  const name = sha256(self.join("\0")).slice(0, 12);
  for (const place of places) {
    const directory = join(place, "shims", name);
    if (existsSync(join(directory, "dialtone.sh"))) return directory;
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      // `dialtone.sh` comes last: its presence says that all of them are there.
      for (const [file, text] of Object.entries(shimTexts(self))) writeShim(join(directory, file), text);
      return directory;
    } catch {
      // read-only or full: the next place
    }
  }
  return null;
}

function writeShim(file: string, text: string): void {
  const there = readText(file);
  if (there.is === "there" && there.value === text) return;
  writeWhole(file, text, { mode: 0o755 });
}

function shimTexts(self: readonly string[]): Record<string, string> {
  const quote = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;
  const bun = quote(self[0] as string);
  const dt = self.map(quote).join(" ");
  const asBun = (more: string) => `#!/bin/sh\nBUN_BE_BUN=1 exec ${bun}${more} "$@"\n`;
  const asDt = `#!/bin/sh\nunset BUN_BE_BUN\nexec ${dt} "$@"\n`;
  return { bun: asBun(""), bunx: asBun(" x"), dt: asDt, "dialtone.sh": asDt };
}
