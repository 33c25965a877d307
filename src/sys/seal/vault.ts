/**
 * Files that hold the user's environment: what a launch was started with, and requests to its host. They are in the
 * user's home (`DIALTONE_HOME/launches`, 0700), never in the project, which is archived, copied into images, committed
 * and shared.
 */
import { join } from "node:path";
import { makePrivateDirectory } from "../places/privatedirectory.ts";
import { privatePlace } from "../places/privateplace.ts";
import { makeSeal, type Seal } from "./seal.ts";

export interface Vault {
  readonly directory: string;
  readonly seal: Seal;
}

/** The vault of a run directory; nothing is made. Throws when there is no private place at all. */
export function findVault(home: string | null, runDirectory: string): Vault {
  const directory = join(privatePlace(home, runDirectory), "launches");
  return { directory, seal: makeSeal(directory, home) };
}

/** Makes the directory if it is missing. */
export function makeVault(home: string | null, runDirectory: string): Vault {
  const vault = findVault(home, runDirectory);
  makePrivateDirectory(vault.directory);
  return vault;
}
