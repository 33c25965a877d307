/** mprocs: a terminal interface with a remote control. */
import type { Peer, Place } from "../types.ts";

const server = ({ port }: Place) => `127.0.0.1:${port}`;

/** The remote control acts on what is selected, by its place in the list. */
function control(place: Place, { name, action }: { name: string; action: string }): [string, ...string[]] {
  const index = place.commands.findIndex((command) => command.name === name);
  const cmds = `[{c: select-proc, index: ${index}}, {c: ${action}}]`;
  return ["mprocs", "--server", server(place), "--ctl", `{c: batch, cmds: ${cmds}}`];
}

export const MPROCS: Peer = {
  id: "mprocs",
  needs: ["mprocs", "script"],
  version: ["mprocs", "--version"],
  most: 200,
  notes: [
    "Its window is a terminal of `script`, which is not counted. The remote control (`--ctl`) sends and does not wait; there is no list.",
    "The program itself, without the wrapper in Node.js that npm adds.",
    "It keeps no log file: its window shows the output. The commands end when the window does.",
  ],
  files: (place) => ({
    "mprocs.yaml": [
      `server: ${server(place)}`,
      "procs:",
      ...place.commands.map(({ name, argv }) =>
        [`  ${name}:`, `    cmd: ${JSON.stringify(argv)}`, "    autostart: false"].join("\n"),
      ),
      "",
    ].join("\n"),
  }),
  up: (place) => [
    [
      "sh",
      "-c",
      "setsid script -qfc 'stty rows 40 cols 120; exec mprocs -c mprocs.yaml' /dev/null </dev/null >/dev/null 2>&1 &",
    ],
    // it exits with 0 even where nobody listens
    ["sh", "-c", `test -z "$(mprocs --server ${server(place)} --ctl '{c: batch, cmds: []}' 2>&1)"`],
  ],
  list: null,
  start: (place, name) => control(place, { name, action: "start-proc" }),
  restart: (place, name) => control(place, { name, action: "restart-proc" }),
  stop: (place, name) => control(place, { name, action: "term-proc" }),
  measures: null,
  foreign: ["script"],
};
