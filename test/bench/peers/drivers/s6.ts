/** s6: a scan directory of services, each with a logger, below s6-svscan. */
import type { Peer } from "../types.ts";

export const S6: Peer = {
  id: "s6",
  needs: ["s6-svscan", "s6-supervise", "s6-svc", "s6-svstat", "s6-log"],
  version: ["dpkg-query", "-W", "-f", "${Version}\n", "s6"],
  most: 200,
  notes: [
    "It has no list: one `s6-svstat` a service. Each service has a logger, as its documentation advises, so a launch adds three processes.",
    "`s6-supervise` waits a second before it starts again what ended.",
  ],
  files: ({ dir, commands }) =>
    Object.fromEntries(
      commands.flatMap(({ name, argv }) => [
        [`scan/${name}/run`, `#!/bin/sh\nexec ${argv.join(" ")} 2>&1\n`],
        [`scan/${name}/down`, ""],
        [`scan/${name}/log/run`, `#!/bin/sh\nexec s6-log n20 s1000000 ${dir}/logs/${name}\n`],
      ]),
    ),
  up: ({ commands }) => [
    ["mkdir", "-p", "logs"],
    ["sh", "-c", "setsid s6-svscan scan </dev/null >/dev/null 2>&1 &"],
    ["s6-svstat", `scan/${commands.at(-1)?.name}`],
  ],
  list: ["sh", "-c", 'for service in scan/*; do s6-svstat "$service"; done'],
  start: (_, name) => ["s6-svc", "-uwu", `scan/${name}`],
  restart: (_, name) => ["s6-svc", "-rwr", `scan/${name}`],
  stop: (_, name) => ["s6-svc", "-dwd", `scan/${name}`],
  measures: null,
};
