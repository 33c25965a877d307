/**
 * Checks every place that `dt init` is about to write to, before it writes to any. A clone may contain links where dt
 * would create files, and a write through a link changes a file elsewhere. So each directory from the root down must be
 * real and writable only by trusted users, and each file must not exist yet, or be a file with a single name.
 *
 * Known limit: a user who may write to the folder through its group can still change it between the check and the
 * write. A new file may then end up elsewhere, but none is ever overwritten there.
 */
import { lstatSync, readlinkSync, type Stats } from "node:fs";
import { join } from "node:path";
import { DtError, EXIT } from "../../sys/base/error.ts";
import { quoteCommand } from "../../sys/text/shell.ts";
import { distrust } from "../discover/trust.ts";
import type { Environment } from "./types.ts";

/** Paths from the root; one that ends in `/` is a directory. Throws for the first one that dt must not write to. */
export function checkPlaces(root: string, { paths, env }: { paths: readonly string[]; env: Environment }): void {
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

/** One that does not exist is fine. */
export function checkDirectory(path: string, env: Environment): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isDirectory())
    throw refusal(path, { what: `should be a directory, but is ${kindOf(path, stat)}`, remedy: movedAway(path) });
  refuseDistrusted(path, { stat, env });
}

/** One that does not exist is fine. */
function checkFile(path: string, env: Environment): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isFile())
    throw refusal(path, { what: `should be a file, but is ${kindOf(path, stat)}`, remedy: movedAway(path) });
  if (stat.nlink > 1)
    throw refusal(path, { what: `is a file with ${stat.nlink} names (hard links)`, remedy: madeItsOwn(path) });
  // Whether others may write to it does not matter: dt adds to its text and does not run it.
  refuseDistrusted(path, { stat: { uid: stat.uid, mode: 0 }, env });
}

function refuseDistrusted(path: string, { stat, env }: { stat: Pick<Stats, "uid" | "mode">; env: Environment }): void {
  const refused = distrust(path, { stat, env });
  if (refused === null) return;
  const message = `${refused.message} Nothing was written.`;
  throw new DtError("permission", message, { status: EXIT.usage, hint: refused.hint, details: { path } });
}

function refusal(path: string, { what, remedy }: { what: string; remedy: string }): DtError {
  const message = `${path} ${what}: dt init writes only to real directories, and to files with a single name. Nothing was written.`;
  const hint = `Look at it; if you do not need it as it is: ${remedy}`;
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
