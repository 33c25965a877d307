/** Whether dt can keep its state where it is to, and whether others can change it there. */
import { accessSync, constants, lstatSync, type Stats } from "node:fs";
import { dirname } from "node:path";
import { messageOf } from "../../sys/base/error.ts";
import { makePrivateDirectory } from "../../sys/places/privatedirectory.ts";
import { showWord } from "../../sys/text/shell.ts";
import { FIX, makeFinding } from "./finding.ts";
import type { Finding } from "./types.ts";

/** Checked before anything trusts the directory: names what `openStore` would refuse, and a mode that is too open. */
export function checkRunDirectory(directory: string, uid: number): { findings: Finding[]; usable: boolean } {
  const stat = lookAt(directory);
  if (typeof stat === "string") {
    const text = `${directory} cannot be used: ${stat}.`;
    const hint = "Set DIALTONE_RUN_DIR to a directory that you can write to.";
    return { findings: [makeFinding("run-directory", { level: "attention", text, hint })], usable: false };
  }
  if (stat === null) {
    const text = `${directory} does not exist: nothing has been started yet, or it was removed.`;
    return { findings: [makeFinding("run-directory", { level: "fine", text })], usable: false };
  }
  const mode = (stat.mode & 0o777).toString(8).padStart(4, "0");
  const details = { directory, mode, uid: stat.uid };
  if (stat.isSymbolicLink() || !stat.isDirectory()) {
    const what = stat.isSymbolicLink() ? "is a symbolic link" : "is not a directory";
    const hint = stat.isSymbolicLink()
      ? "Remove the link, or set DIALTONE_RUN_DIR to the directory it points to."
      : `mv ${showWord(directory)} ${showWord(`${directory}.old`)}`;
    const text = `${directory} ${what}, and dt keeps its state only in a real directory.`;
    return { findings: [makeFinding("run-directory", { level: "attention", text, details, hint })], usable: false };
  }
  if (stat.uid !== uid && uid !== 0) {
    const text = `${directory} belongs to uid ${stat.uid}, not to you (uid ${uid}).`;
    const hint = "Run dt as that user, or set DIALTONE_RUN_DIR to a directory that you own.";
    return { findings: [makeFinding("run-directory", { level: "attention", text, details, hint })], usable: false };
  }
  if ((stat.mode & 0o077) !== 0) {
    const text = `Other users can read or change ${directory} (mode ${mode}).`;
    const repair = () => {
      makePrivateDirectory(directory);
      return { done: true, text: `made ${directory} private (mode 0700)` };
    };
    return {
      findings: [makeFinding("run-directory", { level: "attention", text, details, hint: FIX, repair })],
      usable: true,
    };
  }
  return {
    findings: [
      makeFinding("run-directory", { level: "fine", text: `${directory} is private to you (mode ${mode}).`, details }),
    ],
    usable: true,
  };
}

/** Null where it does not exist and could be made; otherwise why it can be neither read nor made. */
function lookAt(directory: string): Stats | string | null {
  try {
    const stat = lstatSync(directory, { throwIfNoEntry: false });
    if (stat !== undefined) return stat;
    let above = dirname(directory);
    while (lstatSync(above, { throwIfNoEntry: false }) === undefined) above = dirname(above);
    accessSync(above, constants.W_OK | constants.X_OK);
    return null;
  } catch (error) {
    return messageOf(error);
  }
}
