/**
 * A host goes on in the folder in which its launch was started, wherever that is moved. Another folder that is put in its place is a stranger's until
 * somebody runs a command there: the host evaluates nothing of it, and starts nothing in it.
 */
import { DtError, EXIT } from "../../sys/base/error.ts";
import { identifyFolder, isSameFolder } from "../../sys/base/folder.ts";
import type { Ground } from "../launch/types.ts";

type Placed = Pick<Ground, "root" | "folder">;

/** To be called before anything is started, and then never again. */
export function keepFolder(ground: Placed): void {
  ground.folder ??= identifyFolder(ground.root);
}

/** False where none is there. */
export function isAnotherFolder({ root, folder }: Placed): boolean {
  const now = folder == null ? null : identifyFolder(root);
  return folder != null && now !== null && !isSameFolder(folder, now);
}

/** Throws `another-folder`. */
export function refuseAnotherFolder(ground: Placed): void {
  if (!isAnotherFolder(ground)) return;
  throw new DtError(
    "another-folder",
    `Another folder is at ${ground.root} by now, and nothing is started in it for the one before.`,
    {
      status: EXIT.failed,
      hint: "Run the command there by its words, if you trust it. `dt stop` ends what runs on of the folder before.",
    },
  );
}
