/** overmind: a Procfile, each process in a window of a tmux of its own. */
import type { Peer } from "../types.ts";

export const OVERMIND: Peer = {
  id: "overmind",
  needs: ["overmind", "tmux"],
  version: ["overmind", "--version"],
  most: 20,
  notes: [
    "It starts the whole Procfile: its start is that of overmind with one process. For the other figures, all are stopped at once and started one by one with `overmind restart`.",
    "Now and then `overmind restart` ends the process and starts nothing. Such a sample is left out.",
    "After a crash it starts only when its socket is removed by hand, which the table grants it.",
    "It keeps no log file: its terminal shows the output. The commands end when tmux does.",
    "No row with 200: that is 200 windows of tmux.",
  ],
  env: ({ dir }) => ({ TMUX_TMPDIR: dir }),
  files: ({ commands }) => ({
    Procfile: commands.map(({ name, argv }) => `${name}: exec ${argv.join(" ")}\n`).join(""),
  }),
  up: () => [
    ["rm", "-f", ".overmind.sock"],
    ["overmind", "start", "--daemonize", "--any-can-die"],
    ["sh", "-c", 'overmind stop; sleep 0.2; seen=$(overmind status) && ! echo "$seen" | grep -q running'],
  ],
  list: ["overmind", "status"],
  start: (_, name) => ["overmind", "restart", name],
  startWhole: { words: ["overmind", "start", "--daemonize", "--any-can-die"], remove: [".overmind.sock"] },
  restart: (_, name) => ["overmind", "restart", name],
  stop: (_, name) => ["overmind", "stop", name],
  measures: null,
};
