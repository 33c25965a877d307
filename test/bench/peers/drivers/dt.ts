/** dt itself, driven as the peers are. A second row starts everything by one `dt up`, for the memory of that. */
import type { Peer, Place } from "../types.ts";

const PLUGIN = "app";
const BESIDE = { name: "beside", commands: { dev: { kind: "managed", run: ["sleep", "1000000"] } } };

function manifest({ commands }: Place): Record<string, string> {
  const each = commands.map(({ name, argv }) => [name, { kind: "managed", run: argv }]);
  return {
    [`manifests/${PLUGIN}.json`]: `${JSON.stringify({ name: PLUGIN, commands: Object.fromEntries(each) }, null, 2)}\n`,
    "manifests/beside.json": JSON.stringify(BESIDE),
  };
}

export const DT_PEER: Peer = {
  id: "dt",
  needs: ["dt"],
  version: ["dt", "--version"],
  most: 200,
  notes: [
    "For start, replace and stop, another command of the project runs, so the project's host is there, as the daemons of the others are. The tables above have the start without one.",
  ],
  env: ({ dir }) => ({ DIALTONE_HOME: `${dir}/.dialtone-home` }),
  files: manifest,
  up: () => [["dt", "list"]],
  beside: ["dt", BESIDE.name, "dev", "--no-wait"],
  list: ["dt", "ps"],
  start: (_, name) => ["dt", PLUGIN, name, "--no-wait"],
  restart: (_, name) => ["dt", PLUGIN, name, "--no-wait"],
  stop: (_, name) => ["dt", "stop", PLUGIN, name],
  measures: null,
};

export const DT_UP: Peer = {
  ...DT_PEER,
  id: "dt up",
  notes: ["The row `dt up` is the same tool: one `dt up app -d` starts everything."],
  startAll: ["dt", "up", PLUGIN, "-d"],
  measures: ["memory1", "memory20", "memory200"],
};
