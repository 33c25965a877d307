/** `dt daemon`: the one long-lived process of a user, which nothing but jobs, schedules, start at boot and the socket need. */
import { askDaemon, askStatus, isForeign } from "../../daemon/socket/client.ts";
import { type DaemonPaths, makeDaemonHome, neededHome, realSocketOf } from "../../daemon/socket/paths.ts";
import type { Status } from "../../daemon/socket/protocol.ts";
import type { Step } from "../../daemon/unit/plan.ts";
import type { ServiceContext } from "../../daemon/unit/service.ts";
import { formatLines } from "../../output/lines.ts";
import { makePaint } from "../../output/talk.ts";
import { KNOWN_MARK } from "../../supervisor/launch/marks.ts";
import { cleanedForHosting, hostEnvironment } from "../../supervisor/prepare/selfenv.ts";
import { DtError, EXIT, messageOf } from "../../sys/base/error.ts";
import { workingDirectory } from "../../sys/base/here.ts";
import { type ServiceManager, usualManager } from "../../sys/base/manager.ts";
import { selfCommand } from "../../sys/base/self.ts";
import { BUILD, COMMIT, VERSION } from "../../sys/base/version.ts";
import { readHolder } from "../../sys/lock/lock.ts";
import { homeDirectory } from "../../sys/places/paths.ts";
import { findRoot } from "../../sys/places/root.ts";
import { type ProcessIdentity, type ProcessTable, presenceOf } from "../../sys/process/identity.ts";
import { makeProcessTable } from "../../sys/process/table.ts";
import { becomeDt } from "../../sys/spawn/exec.ts";
import { spawnDetached } from "../../sys/spawn/spawn.ts";
import { print, writeText } from "../../sys/stdio/stdio.ts";
import { showCommand } from "../../values/commandline.ts";
import { formatDuration } from "../../values/duration.ts";
import { rootRequest } from "../context/acting.ts";
import { rememberRoot } from "../context/context.ts";
import { wordsOfWaiting } from "../context/once.ts";
import type { DtContext } from "../context/types.ts";
import { usage } from "../context/usage.ts";
import { countOf, meantBy } from "../parse/args.ts";
import { defineVerb } from "../parse/verb.ts";
import type { Here } from "../root/servehere.ts";

interface Args {
  foreground?: boolean | undefined;
  "stderr-only"?: boolean | undefined;
  lines?: string | undefined;
  linger?: boolean | undefined;
  manager?: string | undefined;
}

const DEFAULT_LINES = 100;
const START_MS = 15_000;
const STOP_MS = 15_000;
/** It looks every three seconds which roots are registered. */
const TAKEN_MS = 6000;
const SIGKILL = 9;
const SIGTERM = 15;

export default defineVerb({
  args: {
    foreground: { type: "boolean", description: "start: be the daemon, and tell what it logs" },
    "stderr-only": { type: "boolean", description: "logs: only warnings and errors" },
    lines: { type: "string", alias: "n", description: "logs: so many. Default 100", valueHint: "100" },
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
  },
  async run({ args, data }) {
    const context = data as DtContext;
    const [action = ""] = args._;
    const act = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
    if (act === undefined)
      throw usage(
        action === "" ? "dt daemon needs to know what to do." : `dt daemon has no ${JSON.stringify(action)}.`,
        meantBy(action, Object.keys(ACTIONS)) ?? `dt daemon ${Object.keys(ACTIONS).join(" | ")}`,
      );
    return act(context, neededHome(homeDirectory(context.env)), args as Args);
  },
});

const ACTIONS: Record<string, (context: DtContext, paths: DaemonPaths, args: Args) => Promise<number>> = {
  start: startDaemon,
  stop: stopDaemon,
  restart: restartDaemon,
  status: showStatus,
  install: installDaemon,
  uninstall: uninstallDaemon,
  logs: showLogs,
  schema: async () => {
    const { wireJsonSchema } = await import("../../daemon/socket/protocol.ts");
    print(`${JSON.stringify(await wireJsonSchema(), null, 2)}\n`);
    return EXIT.done;
  },
};

async function startDaemon(context: DtContext, paths: DaemonPaths, args: Args): Promise<number> {
  if (args.foreground) return beDaemon(context, paths);
  const running = await ownStatus(context, paths);
  const { registerHere, tellDryHere, tellHere } = await import("../root/servehere.ts");
  if (context.globals.dryRun) {
    await tellDryHere(context, paths);
    if (running !== null) return tellRunning(context, running, "is already running");
    const argv = [...selfCommand(), "daemon", "start", "--foreground"];
    print(context.globals.json ? `${JSON.stringify([{ is: "run", argv }])}\n` : `${showCommand(argv)}\n`);
    return EXIT.done;
  }
  const here = await registerHere(context, paths);
  if (running !== null) {
    const status = here === null ? running : await awaitRoot(paths, running, here.root);
    tellRunning(context, status, "is already running", here);
    return tellHere(context, here);
  }
  rememberHere(context);
  const service = await serviceOf(context, paths, args);
  const { control, isInstalled, refreshBinary } = await import("../../daemon/unit/service.ts");
  if (isInstalled(service)) {
    refreshBinary(service);
    await control(service, "start");
  } else spawnDaemon(context, paths);
  const began = await awaitStatus(paths);
  tellRunning(context, here === null ? began : await awaitRoot(paths, began, here.root), "started", here);
  return tellHere(context, here);
}

/** Until the daemon works for a root that was just registered. One that it cannot work for is said in its log, and is not waited for. */
async function awaitRoot(paths: DaemonPaths, status: Status, root: string): Promise<Status> {
  const deadline = performance.now() + TAKEN_MS;
  let now = status;
  while (!now.roots.includes(root) && performance.now() < deadline) {
    await Bun.sleep(10);
    now = (await askStatus(paths, { tries: 1 }).catch(() => null)) ?? now;
  }
  return now;
}

/**
 * Null when no daemon runs. Another user's process in its place is reported and passed by: the link leads to this user's own daemon when that
 * starts, or, where it runs already, as soon as it looks.
 */
async function ownStatus({ globals, talk }: DtContext, paths: DaemonPaths): Promise<Status | null> {
  try {
    return await askStatus(paths);
  } catch (error) {
    if (!isForeign(error)) throw error;
    talk.warn(messageOf(error));
    return globals.dryRun || holderOf(paths, makeProcessTable()) === null ? null : await awaitStatus(paths);
  }
}

/** Where it is started in a project, that project is one of those that the daemon knows. */
function rememberHere(context: DtContext): void {
  const { globals, env } = context;
  try {
    if (findRoot(rootRequest(globals, workingDirectory(), env)) !== null) rememberRoot(context);
  } catch (error) {
    // The daemon has nothing to do with a root of somebody else's, and needs no directory.
    if (!(error instanceof DtError) || !["foreign-owner", "no-directory"].includes(error.code)) throw error;
  }
}

function spawnDaemon(context: DtContext, paths: DaemonPaths): void {
  makeDaemonHome(paths);
  // What is wrong with it is told here, and not only in the daemon's own log.
  realSocketOf(paths, context.env);
  const child = spawnDetached(
    [...selfCommand(), "daemon", "start", "--foreground", "--quiet"],
    hostEnvironment(context.env, paths.home),
    paths.errors,
  );
  child.stdin.end();
  void child.stdout.cancel();
  child.unref();
}

async function awaitStatus(paths: DaemonPaths, isIt: (status: Status) => boolean = () => true): Promise<Status> {
  const deadline = performance.now() + START_MS;
  for (;;) {
    const status = await askStatus(paths, { tries: 1 }).catch(() => null);
    if (status !== null && isIt(status)) return status;
    if (performance.now() > deadline) {
      throw new DtError("daemon-lost", `The daemon did not answer within ${formatDuration(START_MS)}.`, {
        hint: "dt daemon logs tells what it had to say.",
      });
    }
    await Bun.sleep(10);
  }
}

function tellRunning({ globals }: DtContext, status: Status, how: string, registered?: Here | null): number {
  const report = registered === undefined ? status : { ...status, registered };
  print(globals.json ? `${JSON.stringify(report)}\n` : `daemon ${how} (pid ${status.pid})\n`);
  return EXIT.done;
}

/** What is the manager's and not the launches'. */
const OF_THE_MANAGER =
  /^(NOTIFY_SOCKET|WATCHDOG_(USEC|PID)|INVOCATION_ID|JOURNAL_STREAM|MANAGERPID|MANAGERPIDFDID|SYSTEMD_EXEC_PID|MEMORY_PRESSURE_.*|DIALTONE_MANAGER|XPC_.*)$/;

async function beDaemon(context: DtContext, paths: DaemonPaths): Promise<number> {
  const cleaned = cleanedForHosting(context.ownEnv, paths.home);
  const self = selfCommand();
  if (cleaned !== null) becomeDt([...self, ...context.argv] as [string, ...string[]], cleaned, []);
  rememberHere(context);
  const { runDaemon } = await import("../../daemon/run.ts");
  const launches = Object.fromEntries(Object.entries(context.env).filter(([name]) => !OF_THE_MANAGER.test(name)));
  return runDaemon({
    paths,
    env: context.env,
    world: { home: paths.home, env: { ...launches, [KNOWN_MARK]: "1" }, table: makeProcessTable() },
    command: ["dt", ...context.argv].join(" "),
    echo: context.globals.quiet ? null : (line) => void writeText(2, formatLines([line])),
  });
}

async function stopDaemon(context: DtContext, paths: DaemonPaths): Promise<number> {
  const { globals } = context;
  const { stopped, foreign } = await endDaemon(paths, () => {
    if (!globals.json) print("daemon stop requested\n");
  });
  if (!stopped && foreign !== null) throw foreign;
  if (globals.json)
    print(`${JSON.stringify(stopped ? { stopping: true } : { running: false, socket: paths.socket })}\n`);
  else if (!stopped) print("daemon is not running\n");
  return EXIT.done;
}

interface Ended {
  /** False when none runs. */
  stopped: boolean;
  /** What another user's process in the daemon's place was refused with. */
  foreign: unknown;
}

/** One that does not answer is killed, which it is made for; one that cannot be asked, since its link leads elsewhere, is first told by a signal. */
async function endDaemon(paths: DaemonPaths, onAsked: () => void): Promise<Ended> {
  const table = makeProcessTable();
  const holder = holderOf(paths, table);
  let foreign: unknown = null;
  const answer = await askDaemon(paths, { cmd: "stop" }).catch((error) => {
    if (isForeign(error)) foreign = error;
    return messageOf(error);
  });
  if ((answer === null || foreign !== null) && holder === null) return { stopped: false, foreign };
  onAsked();
  if (holder === null) return { stopped: true, foreign };
  if (typeof answer === "string" || answer === null) table.signal(holder, foreign === null ? SIGKILL : SIGTERM);
  const deadline = performance.now() + STOP_MS;
  while (presenceOf(table, holder) === "alive") {
    if (performance.now() > deadline) table.signal(holder, SIGKILL);
    if (performance.now() > deadline + STOP_MS)
      throw new DtError("daemon-stuck", `The daemon (pid ${holder.pid}) does not end, not even by SIGKILL.`);
    await Bun.sleep(5);
  }
  return { stopped: true, foreign };
}

/** The daemon that lives, from its lock. */
function holderOf({ lock, seal }: DaemonPaths, table: ProcessTable): ProcessIdentity | null {
  const read = readHolder(lock, seal);
  return read.is === "there" && presenceOf(table, read.value.holder) === "alive" ? read.value.holder : null;
}

async function restartDaemon(context: DtContext, paths: DaemonPaths, args: Args): Promise<number> {
  rememberHere(context);
  const before = await askStatus(paths).catch(() => null);
  const service = await serviceOf(context, paths, args);
  const { control, isInstalled, refreshBinary } = await import("../../daemon/unit/service.ts");
  if (isInstalled(service)) {
    refreshBinary(service);
    if (before !== null && before.manager === null) await endDaemon(paths, () => {});
    await control(service, "restart");
  } else {
    await endDaemon(paths, () => {});
    spawnDaemon(context, paths);
  }
  tellRunning(
    context,
    await awaitStatus(paths, ({ pid }) => pid !== before?.pid),
    before === null ? "started" : "restarted",
  );
  return tellUnservedHere(context);
}

/** Who starts it otherwise than by `dt daemon start` may have meant this root, which is not registered by that. */
async function tellUnservedHere(context: DtContext): Promise<number> {
  let isInRoot = false;
  try {
    isInRoot = findRoot(rootRequest(context.globals, workingDirectory(), context.env)) !== null;
  } catch (error) {
    if (!(error instanceof DtError)) throw error;
  }
  const index = isInRoot ? await context.peek() : null;
  if (index !== null) (await import("../root/unserved.ts")).tellUnserved(context, index);
  return EXIT.done;
}

async function showStatus(context: DtContext, paths: DaemonPaths): Promise<number> {
  const status = await askStatus(paths);
  if (status === null) {
    print(
      context.globals.json
        ? `${JSON.stringify({ running: false, socket: paths.socket })}\n`
        : "daemon is not running\n",
    );
    return EXIT.notRunning;
  }
  if (context.globals.json) {
    print(`${JSON.stringify(status)}\n`);
    return EXIT.done;
  }
  const paint = makePaint(context.colored());
  const age = formatDuration(Math.max(0, Date.now() - status.started_at_unix * 1000));
  const other = status.upgraded || status.build !== BUILD || status.version !== VERSION || status.commit !== COMMIT;
  const { foreignRegistrations } = await import("../../daemon/roots/roots.ts");
  print(
    formatLines([
      `daemon is running  pid ${status.pid}, for ${age}, dt ${status.version}${status.commit === "" ? "" : ` (${status.commit})`}`,
      `  socket   ${status.socket}`,
      `  started  ${status.manager === null ? "by a person" : `by ${status.manager}, which starts it again`}`,
      ...(status.roots.length === 0 ? ["none is registered (dt boot add)"] : status.roots).map(
        (root, at) => `  ${(at === 0 ? "roots" : "").padEnd(8)} ${root}`,
      ),
      ...(status.projects_root === null
        ? []
        : [`  projects ${status.projects_root}, ${status.codebase_count} codebases`]),
      // One of an earlier dt does not say.
      ...((status as Partial<Status>).waiting ?? []).map(({ root, files }) =>
        paint.yellow(`  waiting  ${root}: ${wordsOfWaiting(root, files)}`),
      ),
      ...foreignRegistrations(paths).map((words) => paint.yellow(`  foreign  ${words}`)),
      ...(other
        ? [paint.yellow("  Another build of dt is there by now: dt daemon restart puts it in its place.")]
        : []),
    ]),
  );
  return EXIT.done;
}

async function showLogs({ globals }: DtContext, paths: DaemonPaths, args: Args): Promise<number> {
  const { readDaemonLogs } = await import("../../daemon/log.ts");
  const lines = readDaemonLogs(paths, countOf("--lines", args.lines) ?? DEFAULT_LINES, args["stderr-only"] === true);
  const shown = globals.json
    ? lines.map((line) => JSON.stringify(line))
    : lines.map((line) => `${line.at ?? ""} ${line.level.padEnd(5)} ${line.text}`);
  print(formatLines(shown));
  return EXIT.done;
}

async function serviceOf({ env, talk }: DtContext, paths: DaemonPaths, { manager }: Args): Promise<ServiceContext> {
  if (manager !== undefined && manager !== "systemd" && manager !== "launchd")
    throw usage(`--manager takes systemd or launchd, not ${JSON.stringify(manager)}.`);
  return {
    manager: (manager as ServiceManager | undefined) ?? usualManager(),
    paths,
    env,
    onCommand: (argv) => talk.detail(`$ ${showCommand(argv)}`),
  };
}

async function installDaemon(context: DtContext, paths: DaemonPaths, args: Args): Promise<number> {
  const service = await serviceOf(context, paths, args);
  const { checkManager, install, planInstall } = await import("../../daemon/unit/service.ts");
  if (context.globals.dryRun) return showPlan(context, planInstall(service, args.linger === true));
  await checkManager(service);
  makeDaemonHome(paths);
  rememberHere(context);
  const before = await askStatus(paths, { tries: 1 }).catch(() => null);
  // One that a person started would keep the manager's from its socket.
  if (before !== null && before.manager === null) await endDaemon(paths, () => {});
  try {
    await install(service, args.linger === true);
  } catch (error) {
    if (before !== null && before.manager === null) {
      spawnDaemon(context, paths);
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

async function uninstallDaemon(context: DtContext, paths: DaemonPaths, args: Args): Promise<number> {
  const service = await serviceOf(context, paths, args);
  const { isInstalled, planUninstall, uninstall } = await import("../../daemon/unit/service.ts");
  const { findLeftSockets, removeLeftSockets } = await import("../../daemon/socket/leftsockets.ts");
  if (context.globals.dryRun) {
    const left = holderOf(paths, makeProcessTable()) === null ? await findLeftSockets(paths) : [];
    return showPlan(context, [...planUninstall(service), ...left.map((path): Step => ({ is: "remove", path }))]);
  }
  const was = isInstalled(service);
  await uninstall(service);
  await endDaemon(paths, () => {});
  const removed = await removeLeftSockets(paths, makeProcessTable(), ["dt", ...context.argv].join(" "));
  print(was ? "daemon uninstalled\n" : "daemon is not installed\n");
  if (removed.length > 0) context.talk.say(`removed what a daemon that was killed left: ${removed.join(", ")}`);
  return EXIT.done;
}

function showPlan({ globals }: DtContext, steps: readonly Step[]): number {
  if (globals.json) {
    print(`${JSON.stringify(steps)}\n`);
    return EXIT.done;
  }
  const text = steps.map((step) => {
    if (step.is === "run") return `$ ${showCommand(step.argv)}`;
    if (step.is === "remove") return `$ ${showCommand(["rm", "-f", step.path])}`;
    if (step.is === "binary") return `$ ${showCommand(["ln", "-f", step.from, step.to])}`;
    return `# ${step.path}\n${step.text}`;
  });
  print(`${text.join("\n")}\n`);
  return EXIT.done;
}
