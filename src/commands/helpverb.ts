/** `dt help [verb | plugin]`. */
import { makePaint } from "../output/talk.ts";
import { EXIT } from "../sys/error.ts";
import { print } from "../sys/stdio.ts";
import type { DtContext } from "./context.ts";
import { formatVerbHelp, runHelp } from "./help.ts";
import { showPlugin } from "./plugin.ts";
import { defineVerb } from "./verb.ts";
import { isVerb } from "./verbs.ts";

export default defineVerb({
  meta: { name: "help", description: "Explain dt, a verb or a plugin" },
  args: { _: { type: "positional", required: false, description: "A verb or a plugin", valueHint: "verb or plugin" } },
  async run({ args, data }) {
    const context = data as DtContext;
    const [word] = args._;
    if (word === undefined) return runHelp(context);
    if (!isVerb(word)) return showPlugin(context, word);
    print(await formatVerbHelp(word, makePaint(context.colored())));
    return EXIT.done;
  },
});
