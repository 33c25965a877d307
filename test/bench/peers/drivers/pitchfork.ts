/** pitchfork: daemons in a `pitchfork.toml`, kept by a supervisor in the background. */
import type { Peer } from "../types.ts";

export const PITCHFORK: Peer = {
  id: "pitchfork",
  needs: ["pitchfork"],
  version: ["pitchfork", "--version"],
  most: 200,
  notes: [
    "`ready_delay = 0`: by default `pitchfork start` returns after 3 seconds. The first instruction comes as early either way.",
  ],
  files: ({ commands }) => ({
    "pitchfork.toml": commands
      .map(({ name, argv }) => `[daemons.${name}]\nrun = "exec ${argv.join(" ")}"\nready_delay = 0\n`)
      .join("\n"),
  }),
  up: () => [["pitchfork", "supervisor", "start"]],
  list: ["pitchfork", "list"],
  start: (_, name) => ["pitchfork", "start", name],
  restart: (_, name) => ["pitchfork", "restart", name],
  stop: (_, name) => ["pitchfork", "stop", name],
  measures: null,
};
