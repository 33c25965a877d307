/**
 * What dt tells the user once per root: each matter with a mark of what dt said, so that it reports news about it
 * again.
 */
import { readHomeFile, writeHomeFile } from "../sys/seal/homefiles.ts";

interface ToldFile {
  version: 1;
  root: string;
  told: Record<string, string>;
}

/** Whether this is news; notes it as told. Where that cannot be noted, it is news each time. */
export function isNews(home: string, { root, matter, mark }: { root: string; matter: string; mark: string }): boolean {
  const read = readHomeFile<ToldFile>(home, { kind: "told", root });
  const told = read.is === "there" ? read.value.told : {};
  if (told[matter] === mark) return false;
  try {
    writeHomeFile(home, {
      kind: "told",
      content: { version: 1, root, told: { ...told, [matter]: mark } } satisfies ToldFile,
    });
  } catch {
    // a read-only or full home
  }
  return true;
}
