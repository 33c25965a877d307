/** What a person is told once about a root: each matter with a mark of what was told, so that something new is told again. */
import { readHomeFile, writeHomeFile } from "../sys/homefiles.ts";

interface ToldFile {
  version: 1;
  root: string;
  told: Record<string, string>;
}

/** Whether it was not told yet; notes that it is now. Where that cannot be noted it is told each time. */
export function isNews(home: string, root: string, matter: string, mark: string): boolean {
  const read = readHomeFile<ToldFile>(home, "told", root);
  const told = read.is === "there" ? read.value.told : {};
  if (told[matter] === mark) return false;
  try {
    writeHomeFile(home, "told", { version: 1, root, told: { ...told, [matter]: mark } } satisfies ToldFile);
  } catch {
    // a read-only or full home
  }
  return true;
}
