/**
 * `dt clear`: launches that ended are no longer listed. Their logs stay, and living launches are not touched. Runs no
 * plugin code.
 */
import { beginLook, keysOf, lookAt } from "../../inspect/look.ts";
import { formatLines } from "../../output/lines.ts";
import { askerOf } from "../../state/asker.ts";
import type { KeyState } from "../../state/types.ts";
import { isLiving } from "../../state/view.ts";
import { clearKey } from "../../supervisor/end/clear.ts";
import { LOCK_TIMEOUT_MS } from "../../supervisor/launch/lock.ts";
import { EXIT } from "../../sys/base/error.ts";
import { print } from "../../sys/stdio/stdio.ts";
import { isKeyWord } from "../../values/key.ts";
import type { DtContext } from "../context/types.ts";
import { selectionOf } from "../names/select.ts";
import { defineVerb } from "../parse/verb.ts";

interface Row {
  key: string;
  /** Before the clear; null: nothing is known of the key. */
  state: KeyState | null;
  cleared: boolean;
}

export default defineVerb({
  args: {
    _: {
      type: "positional",
      required: false,
      description: "Keys, words of one, a plugin or group; none: all that ended",
      valueHint: "key …",
    },
  },
  async run({ args, data }) {
    const context = data as DtContext;
    const { talk, globals } = context;
    const ground = context.ground();
    const selection = args._.length === 0 ? ({ is: "all" } as const) : await selectionOf(context, { words: args._ });
    const look = beginLook(ground, () => null);
    const seen = keysOf(ground, selection).map((key) => ({ key, state: lookAt(look, key)?.state ?? null }));
    const isEnded = (state: KeyState | null) => state !== null && !isLiving(state);
    if (globals.dryRun) {
      const ended = seen.filter(({ state }) => isEnded(state));
      print(globals.json ? `${JSON.stringify(ended)}\n` : formatLines(ended.map(({ key }) => `clear    ${key}`)));
      return EXIT.done;
    }
    const by = askerOf("user", context.argv);
    // Living launches of a group or a plugin are passed over.
    const isNamed = selection.is === "keys" && (args._.length > 1 || isKeyWord(args._[0] ?? ""));
    const rows: Row[] = [];
    let status: number = EXIT.done;
    for (const { key, state } of seen) {
      const result = isEnded(state)
        ? await clearKey(ground, { key, by, lockTimeoutMs: LOCK_TIMEOUT_MS })
        : state === null
          ? "nothing"
          : "living";
      if (result === "living" && isNamed) {
        talk.fail(
          `${key} is ${state === null || !isLiving(state) ? "not over yet" : state}: only what has ended is cleared`,
        );
        status = EXIT.failed;
      }
      if (result === "foreign") talk.warn(`${key} is foreign: nothing was touched`);
      if (result === "nothing" && isNamed) talk.say(`nothing is known of how ${key} ended`);
      if (result === "cleared") talk.say(`${key} cleared`);
      if (isNamed || result === "cleared" || result === "foreign")
        rows.push({ key, state, cleared: result === "cleared" });
    }
    if (rows.length === 0) talk.say("nothing has ended here");
    if (globals.json) print(`${JSON.stringify(rows)}\n`);
    return status;
  },
});
