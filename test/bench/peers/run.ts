/**
 * `bun run bench peers [group …] [flag …]`: dt beside other tools. Writes their table into docs/benchmarks.md and the
 * picture docs/images/peers.svg. Linux only. Needs no network once the peers are installed.
 *
 *   groups       life, list, list200, left, log, killed; without one, all of them
 *   --install    installs the peers first (test/bench/peers/pins.ts has the versions)
 *   --only=A,B   measures these peers; the figures of the others stay
 *   --rounds=N   instead of each group's own number
 *   --draw       measures nothing: makes table and picture from results.json again
 */

import { writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { REPOSITORY } from "../../kit.ts";
import { putBetween } from "../../pages.ts";
import { buildPrograms } from "../ground.ts";
import { describeMachine } from "../report.ts";
import { median } from "../samples.ts";
import { measureKilled, measureLeft, measureLog } from "./behaviour.ts";
import { PEERS } from "./drivers/table.ts";
import { type Found, rounded } from "./found.ts";
import { installPeers } from "./install.ts";
import { measureLife } from "./life.ts";
import { measureMany } from "./many.ts";
import { drawPicture } from "./picture.ts";
import { PINS } from "./pins.ts";
import { isInstalled, merge, readResults, versionOf, writeResults } from "./results.ts";
import type { Ground } from "./session.ts";
import { formatSettings } from "./settings.ts";
import { formatResults } from "./table.ts";
import type { Results } from "./types.ts";

const GROUPS: Record<string, { rounds: number; measure(ground: Ground, rounds: number): Promise<Found> }> = {
  life: { rounds: 12, measure: measureLife },
  list: { rounds: 21, measure: measureFew },
  list200: { rounds: 15, measure: (ground, rounds) => measureMany(ground, { count: 200, rounds }) },
  left: { rounds: 1, measure: measureLeft },
  log: { rounds: 5, measure: measureLog },
  killed: { rounds: 1, measure: measureKilled },
};

async function measureFew(ground: Ground, rounds: number): Promise<Found> {
  const one = await measureMany(ground, { count: 1, rounds });
  const twenty = await measureMany(ground, { count: 20, rounds });
  const cells: Found["cells"] = {};
  for (const id of Object.keys(one.cells)) cells[id] = { ...one.cells[id], ...twenty.cells[id] };
  return { cells, hello: [...one.hello, ...twenty.hello] };
}

/** Gives the exit code. */
export async function runPeers(words: readonly string[]): Promise<number> {
  const flags = words.filter((word) => word.startsWith("--"));
  const asked = words.filter((word) => !word.startsWith("--"));
  const wrong = [
    ...asked.filter((word) => !Object.hasOwn(GROUPS, word)),
    ...flags.filter((flag) => !/^--(install|draw|only=[\w, -]+|rounds=\d+)$/.test(flag)),
  ];
  if (wrong.length > 0) {
    console.error(
      `bench peers: no "${wrong[0]}"; there is: ${Object.keys(GROUPS).join(" ")} --install --only=PEER,… --rounds=N --draw`,
    );
    return 2;
  }
  const valueIn = (name: string) => flags.find((flag) => flag.startsWith(`${name}=`))?.slice(name.length + 1);
  if (flags.includes("--install")) installPeers();
  let results = readResults();
  if (!flags.includes("--draw")) {
    const groups = asked.length > 0 ? asked : Object.keys(GROUPS);
    const only = valueIn("--only")?.split(",") ?? null;
    results = await measure(results, { groups, only, rounds: Number(valueIn("--rounds") ?? 0) });
  }
  draw(results);
  return 0;
}

interface Wanted {
  groups: readonly string[];
  only: readonly string[] | null;
  /** 0: each group's own. */
  rounds: number;
}

async function measure(before: Results, { groups, only, rounds }: Wanted): Promise<Results> {
  const peers = PEERS.filter(({ id }) => only === null || only.includes(id));
  const programs = buildPrograms();
  const ground: Ground = { peers: peers.filter(isInstalled), programs, sessions: new Set() };
  const clean = () => {
    process.chdir("/");
    for (const session of ground.sessions) session.end();
    programs.dispose();
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => {
      clean();
      process.exit(130);
    });
  const versions = Object.fromEntries(peers.map((peer) => [peer.id, versionOf(peer, pinnedVersion(peer.id))]));
  let results: Results = { ...before, machine: describeMachine() };
  try {
    for (const name of groups) {
      const group = GROUPS[name] as (typeof GROUPS)[string];
      const count = rounds || group.rounds;
      console.error(`measuring ${name} …`);
      const { cells, hello } = await group.measure(ground, count);
      results = merge(results, { found: cells, versions });
      const helloMs = hello.length === 0 ? 0 : rounded(median({ values: hello }));
      const date = new Date().toISOString().slice(0, 10);
      results.groups = {
        ...results.groups,
        [name]: { date, load: rounded(loadavg()[0] ?? 0), rounds: count, helloMs },
      };
      writeResults(results); // a group that fails takes none of the earlier ones with it
    }
  } finally {
    clean();
  }
  return results;
}

function pinnedVersion(id: string): string {
  const pin = PINS[id];
  return pin !== undefined && "version" in pin ? pin.version.replace(/^v/, "") : "";
}

function draw(results: Results): void {
  const text = `${formatResults(results, PEERS)}\n\n${formatSettings(PEERS)}`;
  putBetween(join(REPOSITORY, "docs/benchmarks.md"), { name: "peers", text });
  writeFileSync(join(REPOSITORY, "docs/images/peers.svg"), drawPicture(results, PEERS));
}
