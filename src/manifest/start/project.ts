/** What `dt init` does in a directory: `manifests/`, what an editor needs, and a line for git. Done twice, the second changes nothing. */
import { existsSync, realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { DtError, messageOf } from "../../sys/error.ts";
import { readText, writeWhole } from "../../sys/files.ts";
import { filesForManifests, isOwnTypesFile, TYPES_FILE, topOfCheckout, typesFile } from "./editor.ts";
import start from "./files.json" with { type: "json" };
import type { NewFile } from "./types.ts";

export interface ProjectPlan {
  create: NewFile[];
  /** Files that are there and get another text. */
  replace: NewFile[];
}

const IGNORED = ".dialtone/";
const IGNORE_FILE = ".gitignore";

export function planProject(root: string): ProjectPlan {
  const create = filesForManifests(root, start.types);
  const replace: NewFile[] = [];
  const types = typesFile(start.types);
  const known = readText(join(root, TYPES_FILE));
  if (known.is === "there" && isOwnTypesFile(known.value) && known.value !== types.text) replace.push(types);
  const top = topOfCheckout(root);
  if (top !== null && !isIgnored(root, top)) {
    const there = readText(join(root, IGNORE_FILE));
    if (there.is === "absent") create.push({ path: IGNORE_FILE, text: `${IGNORED}\n` });
    else if (there.is === "there") replace.push({ path: IGNORE_FILE, text: withLine(there.value, IGNORED) });
  }
  return { create, replace };
}

export function replaceFiles(root: string, files: readonly NewFile[]): void {
  for (const { path, text } of files) {
    const file = realpathSync(join(root, path));
    try {
      writeWhole(file, text, { mode: statSync(file).mode & 0o7777 });
    } catch (error) {
      throw new DtError("cannot-write", `${messageOf(error)} It is as it was; the rest is done.`, {
        hint: "Check who owns the directory and its mode.",
        details: { path: file },
        cause: error,
      });
    }
  }
}

/** Whether an ignore file from the top of the checkout down to the root has the line, as it is usually written. */
function isIgnored(root: string, top: string): boolean {
  for (let place = root; ; place = dirname(place)) {
    const file = join(place, IGNORE_FILE);
    const text = existsSync(file) ? readText(file) : null;
    const anywhere = place === root ? /^\/?(\*\*\/)?\.dialtone\/?\s*$/m : /^(\*\*\/)?\.dialtone\/?\s*$/m;
    if (text?.is === "there" && anywhere.test(text.value)) return true;
    if (place === top) return false;
  }
}

function withLine(text: string, line: string): string {
  const end = text.includes("\r\n") ? "\r\n" : "\n";
  return `${text}${text === "" || text.endsWith("\n") ? "" : end}${line}${end}`;
}
