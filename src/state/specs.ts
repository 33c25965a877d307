/**
 * What each launch was started with, including the user's environment: one file per token in the user's home
 * (sys/seal/vault.ts), never in the project. It names the run directory of its launch, so that the spec of a
 * launch that is gone can be found.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { FileRead } from "../sys/files/fileread.ts";
import { clearTemporaries, removeOwn } from "../sys/files/removal.ts";
import { readSealed, writeSealed } from "../sys/seal/sealed.ts";
import { findVault, makeVault, type Vault } from "../sys/seal/vault.ts";

interface Noted {
  version: 1;
  runDirectory: string;
  spec: unknown;
}

const ENDING = ".spec";

function read({ directory, seal }: Vault, token: string): FileRead<Noted> {
  return readSealed(join(directory, `${token}${ENDING}`), { seal, check: (value) => value as Noted });
}

/** `movedFrom`: where the run directory was when the launch was recorded, if it was moved since. */
export function readSpec(
  home: string | null,
  { runDirectory, token, movedFrom }: { runDirectory: string; token: string; movedFrom: string | null },
): FileRead<unknown> {
  const noted = read(findVault(home, runDirectory), token);
  if (noted.is !== "there") return noted;
  if ([runDirectory, movedFrom].includes(noted.value.runDirectory)) return { is: "there", value: noted.value.spec };
  return { is: "unreadable", reason: `it belongs to ${noted.value.runDirectory}` };
}

/** Not durable: after a reboot there is no launch to host again. */
export function writeSpec(
  home: string | null,
  { runDirectory, token, spec }: { runDirectory: string; token: string; spec: unknown },
): void {
  const { directory, seal } = makeVault(home, runDirectory);
  const note: Noted = { version: 1, runDirectory, spec };
  writeSealed(join(directory, `${token}${ENDING}`), { seal, value: note, durable: false });
}

export function removeSpec(
  home: string | null,
  { runDirectory, token }: { runDirectory: string; token: string },
): void {
  const { directory } = findVault(home, runDirectory);
  removeOwn(join(directory, `${token}${ENDING}`));
  // Temporaries of killed writers are cleared here and not at a start, where the user waits.
  clearTemporaries(directory, Date.now());
}

/** The specs of all roots; unreadable ones are left out. */
export function listSpecs(home: string | null, near: string): { file: string; token: string; runDirectory: string }[] {
  const vault = findVault(home, near);
  let names: string[];
  try {
    names = readdirSync(vault.directory);
  } catch {
    return []; // nothing was ever started
  }
  return names.flatMap((name) => {
    if (!name.endsWith(ENDING)) return [];
    const token = name.slice(0, -ENDING.length);
    const noted = read(vault, token);
    return noted.is === "there"
      ? [{ file: join(vault.directory, name), token, runDirectory: noted.value.runDirectory }]
      : [];
  });
}
