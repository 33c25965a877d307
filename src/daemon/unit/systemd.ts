/** The user unit for systemd. */
import { join } from "node:path";

export const UNIT_NAME = "dialtone.service";

export interface UnitFacts {
  /** What is started, with `daemon start --foreground`. */
  binary: string;
  /** Set for it, beside what the manager sets. */
  env: Record<string, string>;
  logs: { log: string; errors: string };
}

/**
 * `KillMode=process`: the launches' hosts are in the unit's group, and the end of the daemon is not theirs. `OOMPolicy=continue`: nor is the end of one of
 * them the daemon's.
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
    `ExecStart=${quote(binary)} daemon start --foreground`,
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

/** In quotes, with what systemd would replace (`%`, `$`) meant as it stands. */
function quote(text: string): string {
  return `"${text.replace(/[\\"]/g, "\\$&").replaceAll("%", "%%").replaceAll("$", "$$$$")}"`;
}

export function systemdUnitPath(env: Record<string, string | undefined>): string {
  const config = env.XDG_CONFIG_HOME || join(env.HOME ?? "/", ".config");
  return join(config, "systemd", "user", UNIT_NAME);
}
