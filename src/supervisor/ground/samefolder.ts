/**
 * A host continues in the folder in which its launch was started, wherever that is moved. Another folder put in its
 * place is untrusted until a user runs a command there: the host evaluates nothing from it, and starts nothing in it.
 */
import { DtError, EXIT } from "../../sys/base/error.ts";
import { identifyFolder, isSameFolder } from "../../sys/base/folder.ts";
import type { Ground } from "../launch/types.ts";

type Placed = Pick<Ground, "root" | "folder">;

/** Call it before anything is started; later calls change nothing. */
export function keepFolder(ground: Placed): void {
  ground.folder ??= identifyFolder(ground.root);
}

/** False when there is no folder now. */
export function isAnotherFolder({ root, folder }: Placed): boolean {
  const now = folder == null ? null : identifyFolder(root);
  return folder != null && now !== null && !isSameFolder(folder, now);
}

/** Throws `another-folder`. */
export function refuseAnotherFolder(ground: Placed): void {
  if (!isAnotherFolder(ground)) return;
  throw new DtError(
    "another-folder",
    `${ground.root} is another folder now, and dt starts nothing in it for the folder that was there before.`,
    {
      status: EXIT.failed,
      hint: "If you trust it, run the command there by its words. `dt stop` ends what still runs from the folder before.",
    },
  );
}
