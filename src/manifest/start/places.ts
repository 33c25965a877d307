/**
 * The places that `dt init` is about to write to, looked at before it writes to any. A clone may hold links where dt would make files, and a write
 * through one changes a file elsewhere. So each directory from the root down is a real one that only people to be trusted may write to, and
 * each file is not there yet, or is a file under one name.
 *
 * Known limit: whoever may write to the folder by its group can still change it between the look and the write. Then a new file may come to be
 * elsewhere; none is ever overwritten there.
 */
import { lstatSync, readlinkSync, type Stats } from "node:fs";
import { join } from "node:path";
import { DtError, EXIT } from "../../sys/base/error.ts";
import { quoteCommand } from "../../sys/text/shell.ts";
import { distrust } from "../discover/trust.ts";
import type { Environment } from "./types.ts";

/** Paths from the root; one that ends in `/` is a directory. Throws for the first that dt must not write to. */
export function checkPlaces(root: string, paths: readonly string[], env: Environment): void {
  const looked = new Set<string>();
  for (const path of paths) {
    const names = path.split("/");
    const file = names.pop() as string;
    for (const [at] of ["", ...names].entries()) {
      const directory = join(root, ...names.slice(0, at));
      if (!looked.has(directory)) checkDirectory(directory, env);
      looked.add(directory);
    }
    if (file !== "") checkFile(join(root, path), env);
  }
}

/** One that is not there is fine. */
export function checkDirectory(path: string, env: Environment): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isDirectory()) throw refusal(path, `should be a directory, but is ${kindOf(path, stat)}`, movedAway(path));
  refuseDistrusted(path, stat, env);
}

/** One that is not there is fine. */
function checkFile(path: string, env: Environment): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isFile()) throw refusal(path, `should be a file, but is ${kindOf(path, stat)}`, movedAway(path));
  if (stat.nlink > 1) throw refusal(path, `is a file with ${stat.nlink} names (hard links)`, madeItsOwn(path));
  // Who else may write to it does not matter: its text is added to, not run.
  refuseDistrusted(path, { uid: stat.uid, mode: 0 }, env);
}

function refuseDistrusted(path: string, stat: Pick<Stats, "uid" | "mode">, env: Environment): void {
  const refused = distrust(path, stat, { env });
  if (refused === null) return;
  const message = `${refused.message} Nothing was written.`;
  throw new DtError("permission", message, { status: EXIT.usage, hint: refused.hint, details: { path } });
}

function refusal(path: string, what: string, remedy: string): DtError {
  const message = `${path} ${what}: dt init writes to real directories and files of their own alone. Nothing was written.`;
  const hint = `Look at it; if it is not needed as it is: ${remedy}`;
  return new DtError("unsafe-place", message, { status: EXIT.usage, hint, details: { path } });
}

const movedAway = (path: string) => quoteCommand(["mv", path, `${path}.old`]);

function madeItsOwn(path: string): string {
  const copy = `${path}.own`;
  return `${quoteCommand(["cp", "-p", path, copy])} && ${quoteCommand(["mv", copy, path])}`;
}

function kindOf(path: string, stat: Stats): string {
  if (stat.isSymbolicLink()) return `a link to ${JSON.stringify(readlinkSync(path))}`;
  if (stat.isDirectory()) return "a directory";
  return stat.isFile() ? "a file" : stat.isFIFO() ? "a pipe" : "a socket or a device";
}
