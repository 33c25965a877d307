/** Carries out the steps of plan.ts, with the service manager of this machine. */
import { chmodSync, copyFileSync, linkSync, mkdirSync, renameSync, rmdirSync } from "node:fs";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import { DtError, EXIT, messageOf } from "../../sys/base/error.ts";
import type { ServiceManager } from "../../sys/base/manager.ts";
import { selfCommand } from "../../sys/base/self.ts";
import { statOf } from "../../sys/base/stat.ts";
import { temporaryName } from "../../sys/door/temporaryname.ts";
import { readJson } from "../../sys/files/fileread.ts";
import { writeJson, writeWhole } from "../../sys/files/filewrite.ts";
import { removeFile } from "../../sys/files/removal.ts";
import { writeError } from "../../sys/files/writeerror.ts";
import { bunSpawn } from "../../sys/spawn/bunspawn.ts";
import type { DaemonPaths } from "../socket/paths.ts";
import { controlCommand, installPlan, type PlanStep, probeCommand, uninstallPlan, unitPath } from "./plan.ts";

export interface ServiceContext {
  manager: ServiceManager;
  paths: DaemonPaths;
  env: Record<string, string>;
  /** Gets each command line that is run. */
  onCommand(argv: readonly string[]): void;
}

interface Installed {
  version: 1;
  manager: ServiceManager;
  linger: boolean;
  /** The dt that was installed. */
  from: string;
}

export function isInstalled({ manager, env }: ServiceContext): boolean {
  return statOf(unitPath(manager, env)) !== undefined;
}

function person(env: Record<string, string>): { uid: number; user: string } {
  const uid = process.getuid?.() ?? 0;
  try {
    return { uid, user: userInfo().username };
  } catch {
    return { uid, user: env.USER ?? String(uid) };
  }
}

export function planInstall(context: ServiceContext, linger: boolean): PlanStep[] {
  return installPlan({ ...context, ...person(context.env), binary: selfCommand()[0] as string, linger });
}

export function planUninstall(context: ServiceContext): PlanStep[] {
  const before = readJson(context.paths.installed, (value) => value as Installed);
  return uninstallPlan({
    ...context,
    ...person(context.env),
    lingers: before.is === "there" && before.value.linger === true,
  });
}

export async function install(context: ServiceContext, linger: boolean): Promise<void> {
  const before = readJson(context.paths.installed, (value) => value as Installed);
  // Lingering that an earlier install turned on is undone by uninstall; lingering that was on before stays.
  const earlier = before.is === "there" && before.value.linger === true;
  const lingers = earlier || (linger && !isLingering(person(context.env).user));
  await carryOut(context, planInstall(context, linger));
  const from = selfCommand()[0] as string;
  writeJson(context.paths.installed, {
    version: 1,
    manager: context.manager,
    linger: lingers,
    from,
  } satisfies Installed);
}

/** Where systemd notes it. */
function isLingering(user: string): boolean {
  return statOf(join("/var/lib/systemd/linger", user)) !== undefined;
}

export async function uninstall(context: ServiceContext): Promise<void> {
  await carryOut(context, planUninstall(context));
  try {
    rmdirSync(dirname(context.paths.binary));
  } catch {
    // not there, or there are other files in it
  }
}

/** Puts this dt where the manager starts it from. */
export function refreshBinary({ paths }: ServiceContext): void {
  placeBinary(selfCommand()[0] as string, paths.binary);
}

export async function control(context: ServiceContext, doing: "start" | "restart"): Promise<void> {
  await checkManager(context);
  await carryOut(context, [
    { is: "run", argv: controlCommand(context.manager, { doing, uid: person(context.env).uid }) },
  ]);
}

/** Throws when no manager answers. */
export async function checkManager(context: ServiceContext): Promise<void> {
  const { manager, env } = context;
  const argv = probeCommand(manager, person(env).uid);
  const { code, err } = await run(argv, context);
  if (code === 0) return;
  const name = manager === "systemd" ? "systemd's user manager" : "launchd";
  throw new DtError(
    "no-manager",
    `${name} does not answer here: \`${argv.join(" ")}\` ended with ${code}${err === "" ? "" : `: ${err}`}.`,
    {
      status: EXIT.failed,
      hint: `Without one, this line in your crontab (crontab -e) starts the daemon at boot:\n    @reboot ${selfCommand().join(" ")} daemon start`,
    },
  );
}

async function carryOut(context: ServiceContext, steps: readonly PlanStep[]): Promise<void> {
  for (const step of steps) {
    if (step.is === "binary") placeBinary(step.from, step.to);
    else if (step.is === "remove") removeFile(step.path);
    else if (step.is === "write") {
      try {
        mkdirSync(dirname(step.path), { recursive: true });
      } catch (error) {
        throw writeError(step.path, { cause: error });
      }
      writeWhole(step.path, { text: step.text, mode: 0o644 });
    } else {
      const { code, err } = await run(step.argv, context);
      if (code !== 0 && step.mayFail !== true)
        throw new DtError(
          "manager-failed",
          `\`${step.argv.join(" ")}\` ended with ${code}${err === "" ? "." : `: ${err}`}`,
          {
            hint: "The files that were written stay. Once this is fixed, run dt daemon install again, or dt daemon uninstall.",
          },
        );
    }
  }
}

function placeBinary(from: string, to: string): void {
  const [there, own] = [statOf(to), statOf(from)];
  if (there !== undefined && there.ino === own?.ino && there.dev === own.dev) return;
  const temporary = temporaryName(to);
  try {
    mkdirSync(dirname(to), { recursive: true, mode: 0o700 });
    try {
      linkSync(from, temporary);
    } catch {
      copyFileSync(from, temporary); // another file system, or no hard links
      chmodSync(temporary, 0o755);
    }
    renameSync(temporary, to);
    removeFile(temporary);
  } catch (error) {
    throw writeError(to, { cause: error });
  }
}

async function run(
  argv: readonly string[],
  { env, onCommand }: ServiceContext,
): Promise<{ code: number; err: string }> {
  onCommand(argv);
  try {
    const child = bunSpawn([...argv], { env, stdin: "ignore", stdout: "ignore", stderr: "pipe" });
    const [err, code] = await Promise.all([child.stderr.text(), child.exited]);
    return { code, err: err.trim() };
  } catch (error) {
    return { code: EXIT.notFound, err: messageOf(error) };
  }
}
