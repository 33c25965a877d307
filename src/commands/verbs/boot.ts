/**
 * `dt boot`: the roots that the daemon works for. It starts their commands that are marked `boot`, and runs their
 * `schedule` and `watch` entries.
 */
import { foreignRegistrations, registeredRoots, unregisterRoot } from "../../daemon/roots/roots.ts";
import { askedBy } from "../../daemon/serving.ts";
import { daemonPaths, neededHome } from "../../daemon/socket/paths.ts";
import { isAnythingKnown } from "../../manifest/cache/known.ts";
import { peekIndex } from "../../manifest/glance.ts";
import { formatLines } from "../../output/lines.ts";
import { formatTable } from "../../output/table.ts";
import { makePaint } from "../../output/talk.ts";
import { isRemembered } from "../../state/roots.ts";
import { EXIT } from "../../sys/base/error.ts";
import { resolveFrom, workingDirectory } from "../../sys/base/here.ts";
import { statOf } from "../../sys/base/stat.ts";
import { homeDirectory } from "../../sys/places/paths.ts";
import { print } from "../../sys/stdio/stdio.ts";
import type { DtContext } from "../context/types.ts";
import { meantBy, usage } from "../context/usage.ts";
import { directoryOf } from "../parse/values.ts";
import { defineVerb } from "../parse/verb.ts";
import { registerNamed, rootPlaceOf, wordsOfAsked } from "../root/registering.ts";
import { rootAt } from "../root/rootat.ts";

export default defineVerb({
  args: {
    _: {
      type: "positional",
      required: false,
      description: "add or remove this root, or the root of a directory; or list",
      valueHint: "add|remove|list] [DIR",
    },
  },
  async run({ args, data }) {
    const context = data as DtContext;
    const paths = neededHome(homeDirectory(context.env));
    const [action = "list", word] = args._;
    const directory = directoryOf("dt boot", word);
    if (action === "list") return showList(context);
    if (action !== "add" && action !== "remove")
      throw usage(
        `dt boot has no action ${JSON.stringify(action)}.`,
        meantBy(action, ["add", "remove", "list"]) ?? "dt boot add | remove | list",
      );
    const root = action === "remove" ? registeredRootOf(context, directory) : rootAt(context, directory);
    if (context.globals.dryRun) {
      const isThere = isRemembered(paths.boot, root);
      if (isThere === (action === "add"))
        context.talk.say(`${root} ${isThere ? "is registered already" : "is not registered"}`);
      else print(formatLines([`would ${action === "add" ? "register" : "unregister"} ${root}`]));
      return EXIT.done;
    }
    if (action === "remove") {
      const removed = unregisterRoot(paths, root);
      if (context.globals.json) print(`${JSON.stringify({ root, removed })}\n`);
      else print(formatLines([`${root} ${removed ? "is no longer registered" : "was not registered"}`]));
      return EXIT.done;
    }
    const { added, asked, unknown } = await registerNamed(context, { paths, root });
    const how = added ? "is registered" : "was registered already";
    if (context.globals.json) print(`${JSON.stringify({ root, added, ...asked, unknown })}\n`);
    else print(formatLines([`${root} ${how}: ${wordsOfAsked(asked, unknown)}`]));
    if (asked.boot > 0)
      context.talk.say(
        "the daemon starts commands marked boot, now or when it begins: dt daemon start, or dt daemon install for each boot",
      );
    return EXIT.done;
  },
});

/** A root that is gone can be removed by its path. */
function registeredRootOf(context: DtContext, directory: string | undefined): string {
  if (directory !== undefined && statOf(directory) === undefined) return resolveFrom(workingDirectory(), directory);
  return rootAt(context, directory);
}

const NOT_KNOWN = { boot: null, scheduled: null, watches: null };

function showList(context: DtContext): number {
  const { env, globals } = context;
  const home = homeDirectory(env);
  const roots = home === null ? [] : registeredRoots(daemonPaths(home));
  const rows = roots.map((root) => {
    const isKnown = home !== null && isAnythingKnown({ root, home });
    const index = isKnown ? peekIndex({ ...rootPlaceOf(env, { home, root }), reading: "known" }) : null;
    const there = statOf(root) !== undefined;
    return { root, there, ...(index === null ? NOT_KNOWN : askedBy(Object.values(index.plugins))) };
  });
  if (globals.json) print(`${JSON.stringify(rows)}\n`);
  else if (rows.length === 0) print("No root is registered.\n");
  else
    print(
      formatTable([
        ["ROOT", "BOOT", "SCHEDULED", "WATCHES"].map(makePaint(context.colored()).bold),
        ...rows.map(({ root, there, boot, scheduled, watches }) => [
          there ? root : `${root} (gone)`,
          String(boot ?? "-"),
          String(scheduled ?? "-"),
          String(watches ?? "-"),
        ]),
      ]),
    );
  if (home !== null) for (const words of foreignRegistrations(daemonPaths(home))) context.talk.warn(words);
  return EXIT.done;
}
