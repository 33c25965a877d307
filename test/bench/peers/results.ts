/** The numbers of the last runs, in `results.json` beside this file: a group that runs again replaces its own. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeTemporary } from "../../kit/temporary.ts";
import type { Found } from "./found.ts";
import { findProgram, SEARCH } from "./session.ts";
import type { Cell, Peer, PeerResult, Results } from "./types.ts";

export const RESULTS_FILE = join(import.meta.dir, "results.json");

export function readResults(file = RESULTS_FILE): Results {
  if (!existsSync(file)) return { machine: "", groups: {}, peers: {} };
  return JSON.parse(readFileSync(file, "utf8")) as Results;
}

export function writeResults(results: Results, file = RESULTS_FILE): void {
  writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
}

/** New cells replace the old ones of the same peer; a peer that is absent now loses its figures. */
export function merge(results: Results, { found, versions }: { found: Found["cells"]; versions: Versions }): Results {
  const peers: Record<string, PeerResult> = { ...results.peers };
  for (const [id, version] of Object.entries(versions)) {
    const cells: Record<string, Cell> = version === null ? {} : { ...peers[id]?.cells, ...found[id] };
    peers[id] = { version, cells };
  }
  return { ...results, peers };
}

/** By peer; null where it is not installed. */
export type Versions = Record<string, string | null>;

export function isInstalled(peer: Peer): boolean {
  return peer.needs.every((name) => findProgram(name) !== null);
}

export function versionOf(peer: Peer, pinned: string): string | null {
  if (!isInstalled(peer)) return null;
  const [name, ...rest] = peer.version;
  const path = findProgram(name);
  if (path === null) return pinned;
  const home = makeTemporary("version"); // some write there as soon as they are called
  const said = Bun.spawnSync([path, ...rest], {
    cwd: "/",
    stdin: "ignore",
    stderr: "ignore",
    env: { PATH: SEARCH, HOME: home },
  }).stdout.toString();
  rmSync(home, { recursive: true, force: true });
  return /\d+\.\d+[\w.+-]*(?: \(\w+\))?/.exec(said)?.[0] ?? pinned;
}
