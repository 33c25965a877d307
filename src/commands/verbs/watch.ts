/** `dt watch`: runs the jobs of watched files for one root in the foreground, as the daemon would, until Ctrl-C. */
import { faultsOf } from "../../manifest/model/faults.ts";
import { findFailure } from "../../manifest/model/find.ts";
import { formatLines } from "../../output/lines.ts";
import { DtError, EXIT } from "../../sys/base/error.ts";
import { print } from "../../sys/stdio/stdio.ts";
import { rememberRoot } from "../context/rememberroot.ts";
import type { DtContext } from "../context/types.ts";
import { tooManyArguments, usage } from "../context/usage.ts";
import { unknownWord } from "../names/called.ts";
import { wordsOfUnread } from "../names/unread.ts";
import { defineVerb } from "../parse/verb.ts";
import { watchEvents } from "../watch/events.ts";
import { watchJobs } from "../watch/jobs.ts";

export default defineVerb({
  args: {
    events: {
      type: "boolean",
      description: "Run nothing: print changes of the named files as lines of JSON, for a program that reads them",
    },
    _: {
      type: "positional",
      required: false,
      description: "Only for this plugin; with --events, the patterns",
      valueHint: "plugin",
    },
  },
  async run({ args, data }) {
    const context = data as DtContext;
    if (args.events) return await watchEvents(context, args._);
    const { globals } = context;
    const root = context.root();
    const [plugin, extra] = args._;
    if (extra !== undefined) throw tooManyArguments("dt watch", { most: 1, given: args._ });
    const { dryRun } = globals;
    const { index, begin } = dryRun
      ? { index: await context.index(), begin: () => {} }
      : await context.act(undefined, false);
    if (plugin !== undefined && index.plugins[plugin] === undefined) {
      const failure = findFailure(index, plugin);
      if (failure === undefined)
        throw unknownWord("plugin", { name: plugin, known: Object.keys(index.plugins), index, root });
      const [fault = "", ...lines] = faultsOf(failure);
      throw new DtError("plugin-failed", fault, { lines, status: EXIT.usage });
    }
    const watching = Object.values(index.plugins).filter(
      ({ name, watch }) => watch.length > 0 && (plugin === undefined || name === plugin),
    );
    if (watching.length === 0)
      throw usage(
        `${plugin ?? `No plugin in ${root}`} declares ${plugin === undefined ? "a" : "no"} \`watch\`.${index.unread.length === 0 ? "" : ` ${wordsOfUnread(index.unread)}`}`,
      );
    if (dryRun) {
      const rows = watching.flatMap(({ name, watch }) => watch.map(({ paths, run }) => ({ plugin: name, paths, run })));
      const lines = rows.map(({ plugin, paths, run }) => `${plugin}  ${paths.join(" ")}  ${run}`);
      print(globals.json ? `${JSON.stringify(rows)}\n` : formatLines(lines));
      return EXIT.done;
    }
    begin();
    rememberRoot(context);
    return watchJobs(context, { root, plugin: plugin ?? null, index, watching });
  },
});
