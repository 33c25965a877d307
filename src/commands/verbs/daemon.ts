/** `dt daemon`: the one long-lived process of a user, needed only for jobs, schedules, start at boot and the socket. */
import { neededHome } from "../../daemon/socket/paths.ts";
import { EXIT } from "../../sys/base/error.ts";
import { homeDirectory } from "../../sys/places/paths.ts";
import { print } from "../../sys/stdio/stdio.ts";
import type { DtContext } from "../context/types.ts";
import { meantBy, usage } from "../context/usage.ts";
import { DAEMON_ARGS, type DaemonArgs, type DaemonCall } from "../daemon/args.ts";
import { installDaemon, uninstallDaemon } from "../daemon/service.ts";
import { showLogs, showStatus } from "../daemon/show.ts";
import { restartDaemon, startDaemon, stopDaemon } from "../daemon/start.ts";
import { defineVerb } from "../parse/verb.ts";

export default defineVerb({
  args: DAEMON_ARGS,
  async run({ args, data }) {
    const context = data as DtContext;
    const [action = ""] = args._;
    const act = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
    if (act === undefined)
      throw usage(
        action === "" ? "dt daemon needs to know what to do." : `dt daemon has no action ${JSON.stringify(action)}.`,
        meantBy(action, Object.keys(ACTIONS)) ?? `dt daemon ${Object.keys(ACTIONS).join(" | ")}`,
      );
    return act(context, { paths: neededHome(homeDirectory(context.env)), args: args as DaemonArgs });
  },
});

const ACTIONS: Record<string, (context: DtContext, call: DaemonCall) => Promise<number>> = {
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
