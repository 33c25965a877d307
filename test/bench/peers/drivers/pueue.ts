/** pueue: a queue of tasks, kept by a daemon; with no limit of tasks at a time, a task is a launch. */
import type { Peer, Place } from "../types.ts";

const idOf = ({ commands }: Place, name: string) => String(commands.findIndex((command) => command.name === name));

export const PUEUE: Peer = {
  id: "pueue",
  needs: ["pueue", "pueued"],
  version: ["pueue", "--version"],
  most: 200,
  notes: [
    "A task waits (`--stashed`) until it is started, and is restarted in its place after that.",
    "`pueue kill` sends SIGKILL at once, so a stop waits for nothing.",
    "`pueue restart` takes ended tasks only, so there is no replacing.",
  ],
  files: () => ({}),
  up: ({ commands }) => [
    ["pueued", "--daemonize"],
    ["pueue", "parallel", "0"],
    ...commands.map(({ name, argv }): [string, ...string[]] => [
      "pueue",
      "add",
      "--stashed",
      "--label",
      name,
      "--",
      ...argv,
    ]),
  ],
  list: ["pueue", "status"],
  start: (place, name) => ["pueue", "start", idOf(place, name)],
  startAgain: (place, name) => ["pueue", "restart", "--in-place", "--immediate", idOf(place, name)],
  restart: null,
  stop: (place, name) => ["pueue", "kill", idOf(place, name)],
  measures: null,
};
