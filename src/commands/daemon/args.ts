/** The flags of `dt daemon`: one list for all its actions. Each description begins with the action it belongs to. */
import type { ArgsDef } from "citty";
import type { DaemonPaths } from "../../daemon/socket/paths.ts";

export const DAEMON_ARGS = {
  foreground: { type: "boolean", description: "start: be the daemon, and print its log" },
  "stderr-only": { type: "boolean", description: "logs: only warnings and errors" },
  lines: { type: "string", alias: "n", description: "logs: how many lines. Default 100", valueHint: "100" },
  linger: { type: "boolean", description: "install: start it at boot, not only at login (systemd)" },
  manager: {
    type: "string",
    description: "install, uninstall: `systemd` or `launchd`. Default: this system's",
    valueHint: "systemd",
  },
  _: {
    type: "positional",
    required: false,
    description: "start, stop, restart, status, install, uninstall, logs or schema",
    valueHint: "start|stop|restart|status|install|uninstall|logs|schema",
  },
} as const satisfies ArgsDef;

/** What an action of `dt daemon` works with. */
export interface DaemonCall {
  paths: DaemonPaths;
  args: DaemonArgs;
}

export interface DaemonArgs {
  foreground?: boolean | undefined;
  "stderr-only"?: boolean | undefined;
  lines?: string | undefined;
  linger?: boolean | undefined;
  manager?: string | undefined;
}
