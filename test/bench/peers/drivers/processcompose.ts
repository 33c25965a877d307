/** process-compose: processes in a `process-compose.yaml`, kept by a detached server on a Unix socket. */
import type { Peer, Words } from "../types.ts";

const SOCKET = ["-u", "pc.sock", "-L", "pc.log"] as const;

const LIST: Words = ["process-compose", ...SOCKET, "process", "list"];

export const PROCESS_COMPOSE: Peer = {
  id: "process-compose",
  needs: ["process-compose"],
  version: ["process-compose", "version", "--short"],
  most: 200,
  notes: [
    "A restart waits `backoff_seconds`, by default 1.",
    "Its list gets slower with the number of all processes of the machine.",
  ],
  files: ({ commands }) => ({
    "process-compose.yaml": [
      'version: "0.5"',
      "processes:",
      ...commands.map(({ name, argv }) =>
        [
          `  ${name}:`,
          `    command: "exec ${argv.join(" ")}"`,
          `    log_location: ${name}.log`,
          "    disabled: true",
        ].join("\n"),
      ),
      "",
    ].join("\n"),
  }),
  up: () => [["process-compose", ...SOCKET, "-f", "process-compose.yaml", "up", "--detached", "--keep-project"], LIST],
  list: LIST,
  start: (_, name) => ["process-compose", ...SOCKET, "process", "start", name],
  restart: (_, name) => ["process-compose", ...SOCKET, "process", "restart", name],
  stop: (_, name) => ["process-compose", ...SOCKET, "process", "stop", name],
  measures: null,
};
