/**
 * `dt gc`: lists launches that are left over, since their owner, root or manifest is gone, in all roots of the user;
 * with `--yes` it stops them. Runs no plugin code.
 */
import { formatTable } from "../../output/table.ts";
import { makePaint } from "../../output/talk.ts";
import { makeWhereabouts } from "../../supervisor/tree/whereabouts.ts";
import { EXIT } from "../../sys/base/error.ts";
import { homeDirectory } from "../../sys/places/paths.ts";
import { makeProcessTable } from "../../sys/process/table.ts";
import { print } from "../../sys/stdio/stdio.ts";
import type { DtContext } from "../context/types.ts";
import { findLeftovers } from "../gc/leftovers.ts";
import { spanOf } from "../parse/values.ts";
import { defineVerb } from "../parse/verb.ts";

export default defineVerb({
  args: {
    yes: { type: "boolean", description: "Stop them" },
    idle: {
      type: "string",
      description: "Also launches started longer ago than this whose log was not read since",
      valueHint: "48h",
    },
  },
  async run({ args, data }) {
    const context = data as DtContext;
    const table = makeProcessTable();
    const where = makeWhereabouts({ table, home: homeDirectory(context.env), env: context.env });
    const found = await findLeftovers(context, { table, where, idleMs: spanOf("--idle", args.idle) });
    const shown = found.map(({ root, key, pid, why }) => ({ root, key, pid, why }));
    const paint = makePaint(context.colored());
    if (context.globals.json)
      print(`${JSON.stringify(shown.map((one) => ({ ...one, stopped: args.yes === true })))}\n`);
    else if (shown.length === 0) print("Nothing is left over.\n");
    else
      print(
        formatTable([
          ["KEY", "PID", "ROOT", "WHY"].map(paint.bold),
          ...shown.map(({ root, key, pid, why }) => [key, String(pid ?? "-"), root, why]),
        ]),
      );
    if (args.yes !== true || context.globals.dryRun) {
      if (shown.length > 0) context.talk.say("dt gc --yes stops them");
      return EXIT.done;
    }
    // Processes before containers: else a process that follows containers would see them end.
    const ends = [
      ...(await Promise.allSettled(found.filter((one) => one.pid !== null).map((one) => one.stop()))),
      ...(await Promise.allSettled(found.filter((one) => one.pid === null).map((one) => one.stop()))),
    ];
    const failed = ends.flatMap((one) => (one.status === "rejected" ? [one.reason as Error] : []));
    if (failed[0] !== undefined) throw failed[0];
    if (found.length > 0) context.talk.say(`${found.length} stopped`);
    return EXIT.done;
  },
});
