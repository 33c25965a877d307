/**
 * `dt daemon install` and `uninstall`: the daemon under a service manager, which starts it at login or boot, and again
 * when it dies.
 */
import { awaitStatus, endDaemon, holderOf, spawnDaemon } from "../../daemon/control.ts";
import { askStatus } from "../../daemon/socket/client.ts";
import { makeDaemonHome } from "../../daemon/socket/paths.ts";
import type { PlanStep } from "../../daemon/unit/plan.ts";
import type { ServiceContext } from "../../daemon/unit/service.ts";
import { EXIT } from "../../sys/base/error.ts";
import { type ServiceManager, usualManager } from "../../sys/base/manager.ts";
import { makeProcessTable } from "../../sys/process/table.ts";
import { print } from "../../sys/stdio/stdio.ts";
import { showCommand } from "../../values/commandline.ts";
import type { DtContext } from "../context/types.ts";
import { usage } from "../context/usage.ts";
import type { DaemonCall } from "./args.ts";
import { rememberHere, tellUnservedHere } from "./here.ts";
import { showServicePlan } from "./show.ts";

export async function managedServiceOf(
  { env, talk }: DtContext,
  { paths, args: { manager } }: DaemonCall,
): Promise<ServiceContext> {
  if (manager !== undefined && manager !== "systemd" && manager !== "launchd")
    throw usage(`--manager takes systemd or launchd, not ${JSON.stringify(manager)}.`);
  return {
    manager: (manager as ServiceManager | undefined) ?? usualManager(),
    paths,
    env,
    onCommand: (argv) => talk.detail(`$ ${showCommand(argv)}`),
  };
}

export async function installDaemon(context: DtContext, { paths, args }: DaemonCall): Promise<number> {
  const service = await managedServiceOf(context, { paths, args });
  const { checkManager, install, planInstall } = await import("../../daemon/unit/service.ts");
  if (context.globals.dryRun) return showServicePlan(context, planInstall(service, args.linger === true));
  await checkManager(service);
  makeDaemonHome(paths);
  rememberHere(context);
  const before = await askStatus(paths, { tries: 1 }).catch(() => null);
  // A daemon that a person started would keep the manager's daemon from its socket.
  if (before !== null && before.manager === null) await endDaemon(paths);
  try {
    await install(service, args.linger === true);
  } catch (error) {
    if (before !== null && before.manager === null) {
      spawnDaemon({ env: context.env, paths });
      await awaitStatus(paths);
    }
    throw error;
  }
  const status = await awaitStatus(paths, ({ manager }) => manager !== null);
  if (context.globals.json) print(`${JSON.stringify(status)}\n`);
  else
    print(
      `daemon installed and running (pid ${status.pid}): ${service.manager} starts it at ${args.linger ? "boot" : "login"}\n`,
    );
  return tellUnservedHere(context);
}

export async function uninstallDaemon(context: DtContext, { paths, args }: DaemonCall): Promise<number> {
  const service = await managedServiceOf(context, { paths, args });
  const { isInstalled, planUninstall, uninstall } = await import("../../daemon/unit/service.ts");
  const { findLeftSockets, removeLeftSockets } = await import("../../daemon/socket/leftsockets.ts");
  if (context.globals.dryRun) {
    const left = holderOf(paths, makeProcessTable()) === null ? await findLeftSockets(paths) : [];
    return showServicePlan(context, [
      ...planUninstall(service),
      ...left.map((path): PlanStep => ({ is: "remove", path })),
    ]);
  }
  const was = isInstalled(service);
  await uninstall(service);
  await endDaemon(paths);
  const removed = await removeLeftSockets(paths, {
    table: makeProcessTable(),
    command: ["dt", ...context.argv].join(" "),
  });
  print(was ? "daemon uninstalled\n" : "daemon is not installed\n");
  if (removed.length > 0) context.talk.say(`removed what a daemon that was killed left: ${removed.join(", ")}`);
  return EXIT.done;
}
