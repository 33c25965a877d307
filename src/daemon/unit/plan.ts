/** Installing and removing the service, as data: the steps that `--dry-run` prints. Pure. */
import type { ServiceManager } from "../../sys/base/manager.ts";
import { type DaemonPaths, LABEL } from "../socket/paths.ts";
import { launchdPlist, launchdPlistPath } from "./launchd.ts";
import { systemdUnit, systemdUnitPath, UNIT_NAME } from "./systemd.ts";

export type PlanStep =
  /** A hard link where possible, otherwise a copy: the service still starts when the binary was moved. */
  | { is: "binary"; from: string; to: string }
  | { is: "write"; path: string; text: string }
  | { is: "remove"; path: string }
  /** `mayFail`: it undoes something that may not be there. */
  | { is: "run"; argv: readonly string[]; mayFail?: true };

export interface PlanRequest {
  manager: ServiceManager;
  paths: DaemonPaths;
  /** The dt to start. */
  binary: string;
  /** Of the user who installs it. */
  env: Record<string, string>;
  uid: number;
  user: string;
  /** Start it at boot, not only at login. */
  linger: boolean;
}

/** The variables that a service manager's bare environment lacks. */
function environmentOf({ manager, env }: PlanRequest): Record<string, string> {
  const kept = ["PATH", "DIALTONE_HOME", "DIALTONE_RUN_DIR", "XDG_CONFIG_HOME", "LANG", "SHELL"].flatMap((name) =>
    env[name] === undefined || env[name] === "" || /[\n\0]/.test(env[name]) ? [] : [[name, env[name]] as const],
  );
  return { ...Object.fromEntries(kept), DIALTONE_MANAGER: manager };
}

export function unitPath(manager: ServiceManager, env: Record<string, string | undefined>): string {
  return manager === "systemd" ? systemdUnitPath(env) : launchdPlistPath(env);
}

export function installPlan(request: PlanRequest): PlanStep[] {
  const { manager, paths, binary, env, uid, user, linger } = request;
  const facts = { binary: paths.binary, env: environmentOf(request), logs: { log: paths.log, errors: paths.errors } };
  const path = unitPath(manager, env);
  const steps: PlanStep[] = [{ is: "binary", from: binary, to: paths.binary }];
  if (manager === "launchd")
    return [
      ...steps,
      { is: "write", path, text: launchdPlist(facts) },
      { is: "run", argv: ["launchctl", "bootout", `gui/${uid}/${LABEL}`], mayFail: true },
      { is: "run", argv: ["launchctl", "bootstrap", `gui/${uid}`, path] },
      { is: "run", argv: ["launchctl", "kickstart", "-k", `gui/${uid}/${LABEL}`] },
    ];
  return [
    ...steps,
    { is: "write", path, text: systemdUnit(facts) },
    { is: "run", argv: ["systemctl", "--user", "daemon-reload"] },
    { is: "run", argv: ["systemctl", "--user", "enable", UNIT_NAME] },
    { is: "run", argv: ["systemctl", "--user", "restart", UNIT_NAME] },
    ...(linger ? [{ is: "run", argv: ["loginctl", "enable-linger", user] } as const] : []),
  ];
}

export interface RemovalRequest {
  manager: ServiceManager;
  paths: DaemonPaths;
  env: Record<string, string>;
  uid: number;
  user: string;
  /** Whether the install made it start at boot. */
  lingers: boolean;
}

export function uninstallPlan({ manager, paths, env, uid, user, lingers }: RemovalRequest): PlanStep[] {
  const path = unitPath(manager, env);
  const rest: PlanStep[] = [paths.binary, paths.installed].map((one) => ({ is: "remove", path: one }));
  if (manager === "launchd")
    return [
      { is: "run", argv: ["launchctl", "bootout", `gui/${uid}/${LABEL}`], mayFail: true },
      { is: "remove", path },
      ...rest,
    ];
  return [
    { is: "run", argv: ["systemctl", "--user", "disable", "--now", UNIT_NAME], mayFail: true },
    { is: "remove", path },
    { is: "run", argv: ["systemctl", "--user", "daemon-reload"], mayFail: true },
    ...(lingers ? [{ is: "run", argv: ["loginctl", "disable-linger", user], mayFail: true } as const] : []),
    ...rest,
  ];
}

/** The manager's own command line for starting or restarting what is installed. */
export function controlCommand(
  manager: ServiceManager,
  { doing, uid }: { doing: "start" | "restart"; uid: number },
): string[] {
  if (manager === "systemd") return ["systemctl", "--user", doing, UNIT_NAME];
  return ["launchctl", "kickstart", ...(doing === "restart" ? ["-k"] : []), `gui/${uid}/${LABEL}`];
}

/** Succeeds when the manager can be reached. */
export function probeCommand(manager: ServiceManager, uid: number): string[] {
  return manager === "systemd"
    ? ["systemctl", "--user", "show", "--property=Version"]
    : ["launchctl", "print", `gui/${uid}`];
}
