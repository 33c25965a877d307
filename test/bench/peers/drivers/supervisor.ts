/** supervisor: programs in its ini file, kept by supervisord. */
import type { Peer, Place } from "../types.ts";

const CONTROL = ["supervisorctl", "-c", "supervisord.conf"] as const;

function configuration({ dir, commands }: Place): string {
  const socket = `${dir}/supervisor.sock`;
  return [
    `[unix_http_server]\nfile=${socket}`,
    `[supervisord]\nlogfile=${dir}/supervisord.log\npidfile=${dir}/supervisord.pid\nchildlogdir=${dir}`,
    "[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
    `[supervisorctl]\nserverurl=unix://${socket}`,
    ...commands.map(({ name, argv }) =>
      [
        `[program:${name}]`,
        `command=${argv.join(" ")}`,
        "autostart=false",
        "startsecs=0",
        "stopasgroup=true",
        "killasgroup=true",
        "redirect_stderr=true",
      ].join("\n"),
    ),
    "",
  ].join("\n\n");
}

export const SUPERVISOR: Peer = {
  id: "supervisor",
  needs: ["supervisord", "supervisorctl"],
  version: ["supervisord", "--version"],
  most: 200,
  notes: [
    "`startsecs=0`: by default `supervisorctl start` returns after a second. The first instruction comes as early either way.",
  ],
  files: (place) => ({ "supervisord.conf": configuration(place) }),
  up: () => [["supervisord", "-c", "supervisord.conf"]],
  list: [...CONTROL, "status"],
  start: (_, name) => [...CONTROL, "start", name],
  restart: (_, name) => [...CONTROL, "restart", name],
  stop: (_, name) => [...CONTROL, "stop", name],
  measures: null,
};
