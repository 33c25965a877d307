/**
 * `dt restart`: a living host restarts its launch itself, so its terminal keeps streaming; without one, a detached host
 * is started.
 */
import { keysOf } from "../../inspect/look.ts";
import { askerOf } from "../../state/asker.ts";
import { isUnderWay } from "../../supervisor/end/underway.ts";
import { refuseNested } from "../../supervisor/launch/nested.ts";
import { leaveTicket, takeTicket } from "../../supervisor/ticket/ticket.ts";
import { EXIT } from "../../sys/base/error.ts";
import type { DtContext } from "../context/types.ts";
import { usage } from "../context/usage.ts";
import { selectionOf } from "../names/select.ts";
import { durationFlag } from "../parse/values.ts";
import { defineVerb } from "../parse/verb.ts";
import { restartKey } from "../restart/key.ts";
import { restartCallOf, restartSettingsOf } from "../restart/spec.ts";

export default defineVerb({
  args: {
    all: { type: "boolean", alias: "a", description: "Every launch of this root" },
    needs: {
      type: "boolean",
      description: "Start what they need and is not healthy (the default)",
      negativeDescription: "Do not start what they need",
    },
    timeout: { type: "string", description: "Time to become ready, instead of the manifest's", valueHint: "30s" },
    _: { type: "positional", required: false, description: "Keys, words of one, or a plugin", valueHint: "key …" },
  },
  async run({ args, data }) {
    const context = data as DtContext;
    if (args._.length === 0 && !args.all)
      throw usage(
        "dt restart needs to know what to restart.",
        "dt restart <plugin> <command> [variant], keys, a plugin, or --all",
      );
    if (args._.length > 0 && args.all) throw usage("dt restart takes either names or --all.");
    const runner = context.runner();
    const selection = await selectionOf(context, { words: args._, unchecked: true });
    const keys = keysOf(runner.ground, selection).filter(
      (key) => selection.is === "keys" || isUnderWay(runner.ground, key),
    );
    if (keys.length === 0)
      context.talk.say(
        selection.is === "plugin"
          ? `nothing of ${selection.plugin} runs here`
          : args._.length > 0
            ? "nothing to restart"
            : "nothing runs here",
      );
    // A key that cannot be restarted is reported before any other is restarted.
    if (keys.length > 1)
      for (const key of keys) restartSettingsOf(context, { index: (await restartCallOf(context, key)).index, key });
    const options = { timeoutMs: durationFlag("--timeout", args.timeout), withNeeds: args.needs !== false };
    let status: number = EXIT.done;
    // Of several keys the later ones wait for their turn, and a stop meanwhile counts for them too.
    const asker = askerOf("user", context.argv);
    const several = keys.length > 1 && !context.globals.dryRun;
    const tickets = new Map(
      keys.map((key) => [key, several ? takeTicket(context.runner(), { key, asker }) : undefined]),
    );
    context.runner().announced?.close();
    try {
      for (const key of keys) {
        refuseNested(runner, { key, verb: "restart" });
        status = (await restartKey(context, { key, ...options, ticket: tickets.get(key) })) || status;
      }
    } finally {
      for (const [key, ticket] of tickets)
        leaveTicket(runner.ground, { key, ...(ticket === undefined ? {} : { ticket }) });
    }
    return status;
  },
});
