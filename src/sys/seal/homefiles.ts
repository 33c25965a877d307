/**
 * Small files in DIALTONE_HOME, by kind and root: what the user trusted, what dt last knew of a root, what the user was
 * told about it. Each is written whole, 0600, with a seal.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { FileRead } from "../files/fileread.ts";
import { makeDirectories } from "../files/makedirectories.ts";
import { removeOwn } from "../files/removal.ts";
import { writeError } from "../files/writeerror.ts";
import { rootSlug } from "../places/paths.ts";
import { makeSeal } from "./seal.ts";
import { readSealed, writeSealed } from "./sealed.ts";

export type HomeKind = "trust" | "known" | "told";

export function homeFileOf(home: string, { kind, root }: { kind: HomeKind; root: string }): string {
  return join(home, kind, `${rootSlug(root)}.json`);
}

/** A file that does not name this root is unreadable: two roots never share a file, and a copied one is no answer. */
export function readHomeFile<T extends { version: number; root: string }>(
  home: string,
  { kind, root }: { kind: HomeKind; root: string },
): FileRead<T> {
  return readSealed(homeFileOf(home, { kind, root }), {
    seal: makeSeal(home, home),
    check: (value) => {
      const content = value as T;
      if (content?.version !== 1 || content.root !== root) throw new Error(`it is not about ${root}`);
      return content;
    },
  });
}

/** Throws a DtError that names file and cause. */
export function writeHomeFile<T extends { version: 1; root: string }>(
  home: string,
  { kind, content }: { kind: HomeKind; content: T },
): void {
  homeKindDirectory(home, kind);
  const file = homeFileOf(home, { kind, root: content.root });
  try {
    writeSealed(file, { seal: makeSeal(home, home), value: content });
  } catch (error) {
    throw writeError(file, { cause: (error as Error).cause ?? error, variable: "DIALTONE_HOME" });
  }
}

/** The directory of a kind, created when missing, so that it can be watched. Throws a DtError that names it. */
export function homeKindDirectory(home: string, kind: HomeKind): string {
  const directory = join(home, kind);
  try {
    makeDirectories(directory);
  } catch (error) {
    throw writeError(directory, { cause: error, variable: "DIALTONE_HOME" });
  }
  return directory;
}

export function removeHomeFile(home: string, { kind, root }: { kind: HomeKind; root: string }): void {
  removeOwn(homeFileOf(home, { kind, root }));
}

/** All files of a kind that can be read. */
export function listHomeFiles<T extends { version: number; root: string }>(home: string, kind: HomeKind): T[] {
  let names: string[];
  try {
    names = readdirSync(join(home, kind));
  } catch {
    return []; // none was ever written, or the home is not readable
  }
  return names.sort().flatMap((name) => {
    if (name.startsWith(".") || !name.endsWith(".json")) return [];
    const read = readSealed(join(home, kind, name), { seal: makeSeal(home, home), check: (value) => value as T });
    return read.is === "there" && read.value?.version === 1 && typeof read.value.root === "string" ? [read.value] : [];
  });
}
