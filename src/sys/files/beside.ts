/** Other names for a file in its own directory, which is looked up once: renaming, shifting, linking. */
import { linkSync, renameSync, unlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { errnoOf } from "../base/error.ts";
import { descend } from "../door/descend.ts";

/** Renames a file within its directory, replacing what has the new name. Throws the system's own error. */
export function renameBeside(from: string, to: string): void {
  descend(from, (at) => renameSync(at, join(dirname(at), basename(to))));
}

/**
 * Shifts a file and its numbered neighbours by one: `NAME` becomes `NAME.1`, `NAME.1` becomes `NAME.2` …, and the old
 * `NAME.<last>` is removed. Skips missing ones. Throws the system's own error.
 */
export function shiftBeside(path: string, last: number): void {
  descend(path, (at) => {
    const place = (number: number) => (number === 0 ? at : `${at}.${number}`);
    passingOver("ENOENT", () => unlinkSync(place(last)));
    for (let number = last - 1; number >= 0; number--)
      passingOver("ENOENT", () => renameSync(place(number), place(number + 1)));
  });
}

function passingOver(code: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (errnoOf(error) !== code) throw error;
  }
}

/** Gives a file one more name in its directory. Throws the system's own error, EEXIST when the name is taken. */
export function linkBeside(from: string, to: string): void {
  descend(from, (at) => linkSync(at, join(dirname(at), basename(to))));
}
