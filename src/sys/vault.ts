/**
 * Files that hold the person's environment: what a launch was started with, what is asked of its host. They lie in the user's home
 * (`DIALTONE_HOME/launches`, 0700), never in the project, which is archived, copied into images, committed and shared.
 */
import { join } from "node:path";
import { makePrivateDirectory } from "./paths.ts";
import { privatePlace } from "./privateplace.ts";
import { makeSeal, type Seal } from "./seal.ts";

export interface Vault {
  readonly directory: string;
  readonly seal: Seal;
}

/** Where they are for a run directory; nothing is made. Throws where there is no private place at all. */
export function findVault(home: string | null, runDirectory: string): Vault {
  const directory = join(privatePlace(home, runDirectory), "launches");
  return { directory, seal: makeSeal(directory, home) };
}

/** Makes the directory where there is none. */
export function makeVault(home: string | null, runDirectory: string): Vault {
  const vault = findVault(home, runDirectory);
  makePrivateDirectory(vault.directory);
  return vault;
}
