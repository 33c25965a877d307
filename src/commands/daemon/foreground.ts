/**
 * `dt daemon start --foreground`: this process becomes the daemon. `dt daemon start` and the service manager run this
 * command too.
 */
import type { DaemonPaths } from "../../daemon/socket/paths.ts";
import { formatLines } from "../../output/lines.ts";
import { KNOWN_MARK } from "../../supervisor/launch/marks.ts";
import { cleanedForHosting } from "../../supervisor/prepare/selfenv.ts";
import { selfCommand } from "../../sys/base/self.ts";
import { makeProcessTable } from "../../sys/process/table.ts";
import { becomeDt } from "../../sys/spawn/exec.ts";
import { writeText } from "../../sys/stdio/stdio.ts";
import type { DtContext } from "../context/types.ts";
import { rememberHere } from "./here.ts";

/** Variables of the service manager, which are for the daemon and not for the launches that it starts. */
const OF_THE_MANAGER =
  /^(NOTIFY_SOCKET|WATCHDOG_(USEC|PID)|INVOCATION_ID|JOURNAL_STREAM|MANAGERPID|MANAGERPIDFDID|SYSTEMD_EXEC_PID|MEMORY_PRESSURE_.*|DIALTONE_MANAGER|XPC_.*)$/;

/** Resolves when the daemon has ended. */
export async function beDaemon(context: DtContext, paths: DaemonPaths): Promise<number> {
  const cleaned = cleanedForHosting(context.ownEnv, paths.home);
  const self = selfCommand();
  if (cleaned !== null)
    becomeDt([...self, ...context.argv] as [string, ...string[]], { ownEnv: cleaned, descriptors: [] });
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
