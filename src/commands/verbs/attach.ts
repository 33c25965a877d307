/** `dt attach`: joins the terminal of a running launch. */
import { attachTo } from "../../runners/terminal/attach.ts";
import { refuseNested } from "../../supervisor/launch/nested.ts";
import { isTerminal } from "../../sys/stdio/stdio.ts";
import type { DtContext } from "../context/types.ts";
import { usage } from "../context/usage.ts";
import { refuseOneshots, selectionOf } from "../names/select.ts";
import { countOf } from "../parse/values.ts";
import { defineVerb } from "../parse/verb.ts";

const SCROLLBACK = 100;

export default defineVerb({
  args: {
    "read-only": { type: "boolean", description: "Only watch: what you type is not sent" },
    lines: {
      type: "string",
      alias: "n",
      description: `How many lines of earlier output to show (default ${SCROLLBACK})`,
      valueHint: String(SCROLLBACK),
    },
    _: { type: "positional", required: false, description: "A key, or its words", valueHint: "key" },
  },
  async run({ args, data }) {
    const context = data as DtContext;
    const selection = await selectionOf(context, { words: args._ });
    const [key, ...more] = selection.is === "keys" ? selection.keys : [];
    if (key === undefined || more.length > 0)
      throw usage("dt attach takes one key.", "dt attach <plugin> <command> [variant], or dt attach <key>");
    await refuseOneshots(context, { keys: [key], what: "has no terminal of its own to join" });
    const runner = context.runner();
    refuseNested(runner, { key, verb: "attach" });
    if (isTerminal(0) && isTerminal(1)) context.talk.say(`attaching to ${key}; ctrl-] leaves it running`);
    return attachTo(runner, {
      key,
      readOnly: args["read-only"] === true,
      scrollback: countOf("--lines", args.lines) ?? SCROLLBACK,
      owner: null,
    });
  },
});
