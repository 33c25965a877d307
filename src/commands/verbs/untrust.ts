/**
 * `dt untrust`: until a command of the root is run again, verbs that look do not evaluate its code, and the daemon does
 * nothing there.
 */
import { resolve } from "node:path";
import { forgetKnown } from "../../manifest/cache/known.ts";
import { forgetCode } from "../../manifest/cache/renew.ts";
import { formatLines } from "../../output/lines.ts";
import { forgetTrust, trustedBy } from "../../state/trust.ts";
import { EXIT } from "../../sys/base/error.ts";
import { statOf } from "../../sys/base/stat.ts";
import { cacheDirectoryOf } from "../../sys/places/paths.ts";
import { print } from "../../sys/stdio/stdio.ts";
import type { DtContext } from "../context/types.ts";
import { usage } from "../context/usage.ts";
import { directoryOf } from "../parse/values.ts";
import { defineVerb } from "../parse/verb.ts";
import { rootAt } from "../root/rootat.ts";
import { trustHomeOf } from "../root/trusthome.ts";

export default defineVerb({
  args: { _: { type: "positional", required: false, description: "A directory", valueHint: "DIR" } },
  run({ args, data }) {
    const context = data as DtContext;
    const [word] = args._;
    const directory = directoryOf("dt untrust", word);
    const { env, globals, talk } = context;
    const home = trustHomeOf(context);
    // A root that is gone can be forgotten by its path.
    const isGone = directory !== undefined && statOf(directory) === undefined;
    const root = isGone ? resolve(directory) : rootAt(context, directory);
    if (globals.dryRun) {
      print(formatLines([`would no longer trust ${root}`]));
      return EXIT.done;
    }
    const was = forgetTrust(home, root);
    if (isGone && !was)
      throw usage(`There is no directory ${root}, and no directory that was there is trusted.`, "dt trust --list");
    forgetKnown(home, root);
    forgetCode(cacheDirectoryOf(root, env), home);
    if (globals.json) print(`${JSON.stringify({ root, was })}\n`);
    else print(formatLines([`${root} ${was ? "is no longer trusted" : "was not trusted"}`]));
    const variable = trustedBy(env);
    if (variable !== null) talk.warn(`${variable} is set, and while it is, every root is trusted`);
    return EXIT.done;
  },
});
