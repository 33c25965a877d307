/** The user unit for systemd. */
import { join } from "node:path";
import { FLAG } from "../../sys/text/flags.ts";

export const UNIT_NAME = "dialtone.service";

export interface UnitFacts {
  /** The binary that is started, with `daemon start --foreground`. */
  binary: string;
  /** Set for it, in addition to what the manager sets. */
  env: Record<string, string>;
  logs: { log: string; errors: string };
}

/**
 * `KillMode=process`: hosts of launches are in the unit's group, and must not end with the daemon.
 * `OOMPolicy=continue`: nor must the daemon end with one of them.
 */
export function systemdUnit({ binary, env }: UnitFacts): string {
  return [
    "[Unit]",
    "Description=Dialtone: jobs, schedules and start at boot for your projects",
    "Documentation=https://github.com/dialtone/dt",
    "StartLimitIntervalSec=60",
    "StartLimitBurst=10",
    "",
    "[Service]",
    "Type=notify",
    `ExecStart=${quote(binary)} daemon start ${FLAG.foreground}`,
    ...Object.entries(env).map(([name, value]) => `Environment=${quote(`${name}=${value}`)}`),
    "Restart=on-failure",
    "RestartSec=1",
    "KillMode=process",
    "OOMPolicy=continue",
    "TimeoutStopSec=20",
    "",
    "[Install]",
    "WantedBy=default.target",
    "",
  ].join("\n");
}

/** In quotes, with the characters that systemd would replace (`%`, `$`) escaped. */
function quote(text: string): string {
  return `"${text.replace(/[\\"]/g, "\\$&").replaceAll("%", "%%").replaceAll("$", "$$$$")}"`;
}

export function systemdUnitPath(env: Record<string, string | undefined>): string {
  const config = env.XDG_CONFIG_HOME || join(env.HOME ?? "/", ".config");
  return join(config, "systemd", "user", UNIT_NAME);
}
