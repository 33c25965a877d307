/**
 * What `dt init` writes to a directory: `manifests/`, what an editor needs, and a line for git. Running it again
 * changes nothing.
 */
import { lstatSync } from "node:fs";
import { dirname, join } from "node:path";
import { DtError, messageOf } from "../../sys/base/error.ts";
import { writeWhole } from "../../sys/files/filewrite.ts";
import { readPlain } from "../../sys/files/plainfile.ts";
import {
  filesForManifests,
  isOwnTypesFile,
  isPlainFile,
  MOST_READ,
  TYPES_FILE,
  topOfCheckout,
  typesFile,
} from "./editor.ts";
import start from "./files.json" with { type: "json" };
import { checkPlaces } from "./places.ts";
import type { Environment, NewFile } from "./types.ts";

export interface ProjectPlan {
  create: NewFile[];
  /** Existing files that get a new text. */
  replace: NewFile[];
}

const IGNORED = ".dialtone/";
const IGNORE_FILE = ".gitignore";

export function planProject(root: string): ProjectPlan {
  const create = filesForManifests(root, start.types);
  const replace: NewFile[] = [];
  const types = typesFile(start.types);
  const known = readPlain(join(root, TYPES_FILE), MOST_READ);
  if (known.is === "there" && isOwnTypesFile(known.value) && known.value !== types.text) replace.push(types);
  const top = topOfCheckout(root);
  if (top !== null && !isIgnored(root, top)) {
    const there = readPlain(join(root, IGNORE_FILE), MOST_READ);
    if (there.is === "there") replace.push({ path: IGNORE_FILE, text: withLine(there.value, IGNORED) });
    // A link or the like stays in the plan, so the plan is refused; a file that cannot be read is left alone.
    else if (!isPlainFile(root, IGNORE_FILE)) create.push({ path: IGNORE_FILE, text: `${IGNORED}\n` });
  }
  return { create, replace };
}

/** Replaces files by renaming, which follows no link. */
export function replaceFiles(root: string, { files, env }: { files: readonly NewFile[]; env: Environment }): void {
  for (const { path, text } of files) {
    const file = join(root, path);
    try {
      checkPlaces(root, { paths: [path], env });
      writeWhole(file, { text, mode: lstatSync(file).mode & 0o777 });
    } catch (error) {
      throw new DtError(
        "cannot-write",
        `${messageOf(error)} The file is unchanged; everything before it was written.`,
        {
          hint: "Check who owns the directory and its mode.",
          details: { path: file },
          cause: error,
        },
      );
    }
  }
}

/** Whether an ignore file between the root and the top of the checkout has the line, in one of its usual forms. */
function isIgnored(root: string, top: string): boolean {
  for (let place = root; ; place = dirname(place)) {
    const file = join(place, IGNORE_FILE);
    const text = readPlain(file, MOST_READ);
    const anywhere = place === root ? /^\/?(\*\*\/)?\.dialtone\/?\s*$/m : /^(\*\*\/)?\.dialtone\/?\s*$/m;
    if (text.is === "there" && anywhere.test(text.value)) return true;
    if (place === top) return false;
  }
}

function withLine(text: string, line: string): string {
  const end = text.includes("\r\n") ? "\r\n" : "\n";
  return `${text}${text === "" || text.endsWith("\n") ? "" : end}${line}${end}`;
}
