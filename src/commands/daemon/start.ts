/**
 * `dt daemon start`, `stop` and `restart`. Where the daemon is installed the service manager starts it, elsewhere dt
 * spawns it.
 */
import { awaitRoot, awaitStatus, endDaemon, holderOf, spawnDaemon } from "../../daemon/control.ts";
import { askStatus, isForeignSocket } from "../../daemon/socket/client.ts";
import type { DaemonPaths } from "../../daemon/socket/paths.ts";
import type { Status } from "../../daemon/socket/protocol.ts";
import { EXIT, messageOf } from "../../sys/base/error.ts";
import { selfCommand } from "../../sys/base/self.ts";
import { makeProcessTable } from "../../sys/process/table.ts";
import { print } from "../../sys/stdio/stdio.ts";
import { showCommand } from "../../values/commandline.ts";
import type { DtContext } from "../context/types.ts";
import type { DaemonCall } from "./args.ts";
import { beDaemon } from "./foreground.ts";
import { rememberHere, tellUnservedHere } from "./here.ts";
import { managedServiceOf } from "./service.ts";
import { tellRunning } from "./show.ts";

export async function startDaemon(context: DtContext, { paths, args }: DaemonCall): Promise<number> {
  if (args.foreground) return beDaemon(context, paths);
  const running = await ownStatus(context, paths);
  const { registerHere, tellDryHere, tellHere } = await import("../root/servehere.ts");
  if (context.globals.dryRun) {
    await tellDryHere(context, paths);
    if (running !== null) return tellRunning(context, { status: running, how: "is already running" });
    const argv = [...selfCommand(), "daemon", "start", "--foreground"];
    print(context.globals.json ? `${JSON.stringify([{ is: "run", argv }])}\n` : `${showCommand(argv)}\n`);
    return EXIT.done;
  }
  const here = await registerHere(context, paths);
  if (running !== null) {
    const status = here === null ? running : await awaitRoot(paths, { status: running, root: here.root });
    tellRunning(context, { status, how: "is already running", registered: here });
    return tellHere(context, here);
  }
  rememberHere(context);
  const service = await managedServiceOf(context, { paths, args });
  const { control, isInstalled, refreshBinary } = await import("../../daemon/unit/service.ts");
  if (isInstalled(service)) {
    refreshBinary(service);
    await control(service, "start");
  } else spawnDaemon({ env: context.env, paths });
  const began = await awaitStatus(paths);
  tellRunning(context, {
    status: here === null ? began : await awaitRoot(paths, { status: began, root: here.root }),
    how: "started",
    registered: here,
  });
  return tellHere(context, here);
}

/**
 * Null when no daemon runs. If another user's process answers in its place, that is reported, and this user's own
 * daemon is looked for: it takes the link back when it starts, or, where it runs already, as soon as it looks.
 */
async function ownStatus({ globals, talk }: DtContext, paths: DaemonPaths): Promise<Status | null> {
  try {
    return await askStatus(paths);
  } catch (error) {
    if (!isForeignSocket(error)) throw error;
    talk.warn(messageOf(error));
    return globals.dryRun || holderOf(paths, makeProcessTable()) === null ? null : await awaitStatus(paths);
  }
}

export async function stopDaemon(context: DtContext, { paths }: Pick<DaemonCall, "paths">): Promise<number> {
  const { globals } = context;
  const { stopped, pid, killed, foreign } = await endDaemon(paths);
  if (!stopped && foreign !== null) throw foreign;
  if (globals.json)
    print(`${JSON.stringify(stopped ? { stopping: true } : { running: false, socket: paths.socket })}\n`);
  else if (!stopped) print("daemon is not running\n");
  else {
    const which = pid === null ? "" : ` (pid ${pid})`;
    print(killed ? `daemon killed${which}: it did not end when asked\n` : `daemon stopped${which}\n`);
  }
  return EXIT.done;
}

export async function restartDaemon(context: DtContext, { paths, args }: DaemonCall): Promise<number> {
  rememberHere(context);
  const was = holderOf(paths, makeProcessTable());
  const before = await askStatus(paths).catch(() => null);
  const service = await managedServiceOf(context, { paths, args });
  const { control, isInstalled, refreshBinary } = await import("../../daemon/unit/service.ts");
  if (isInstalled(service)) {
    refreshBinary(service);
    if (before !== null && before.manager === null) await endDaemon(paths);
    await control(service, "restart");
  } else {
    await endDaemon(paths);
    spawnDaemon({ env: context.env, paths });
  }
  tellRunning(context, {
    status: await awaitStatus(paths, ({ pid }) => pid !== before?.pid),
    how: before === null && was === null ? "started" : "restarted",
  });
  return tellUnservedHere(context);
}
