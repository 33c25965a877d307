/**
 * `dt why`: explains from what is on disk why a key runs, does not run, waits or was stopped. Exit 3 when nothing is
 * known of a key that may be declared.
 */
import { beginLook, keysOf, lookAt } from "../../inspect/look.ts";
import { describeServices, withServices } from "../../inspect/services.ts";
import { explainKey, isKnown } from "../../inspect/why/explain.ts";
import { gatherFacts, type KeyFacts } from "../../inspect/why/facts.ts";
import type { ManifestIndex } from "../../manifest/model/resolved.ts";
import { quoteLine } from "../../output/quoted.ts";
import { makePaint, type Paint } from "../../output/talk.ts";
import { EXIT } from "../../sys/base/error.ts";
import { print } from "../../sys/stdio/stdio.ts";
import { oneLine } from "../../sys/text/visible.ts";
import type { DtContext } from "../context/types.ts";
import { selectionOf } from "../names/select.ts";
import { defineVerb } from "../parse/verb.ts";
import { lastLinesOf, whyReportOf } from "../why/report.ts";

export default defineVerb({
  args: {
    _: { type: "positional", required: false, description: "Keys, words of one, or a plugin", valueHint: "key …" },
  },
  async run({ args, data }) {
    const context = data as DtContext;
    const { ground } = context.runner(context.isStranger());
    const selection = await selectionOf(context, { words: args._ });
    const look = beginLook(ground, () => null);
    const keys = keysOf(ground, selection);
    const gather = (index: ManifestIndex | null) =>
      Promise.all(
        keys.map(async (key): Promise<KeyFacts> => {
          const seen = lookAt(look, key);
          const containers = seen === null ? null : describeServices((await withServices(ground, [seen]))[0]);
          return { ...gatherFacts(ground, { key, seen, index }), ...(containers === null ? {} : { containers }) };
        }),
      );
    const last = await gather(await context.peek());
    // A key that left nothing on disk may be declared by a manifest that was not loaded yet.
    const all = last.every(isKnown) ? last : await gather((await context.glance()).index);
    const known = all.filter(isKnown);
    const unknown = all.filter((facts) => !isKnown(facts)).map((facts) => `nothing is known of ${facts.key} here`);
    if (selection.is === "plugin" && keys.length === 0) unknown.push(`nothing of ${selection.plugin} has run here`);

    const single = selection.is === "keys" && all.length === 1;
    const { json, verbose, color } = context.globals;
    if (json) {
      const shown = known.map((facts) => whyReportOf(facts, verbose));
      print(`${JSON.stringify(single ? shown[0] : shown)}\n`);
    } else {
      const colored = context.colored();
      const paint = makePaint(colored);
      const texts = known.map((facts) => format(facts, { paint, verbose, colored: color ?? colored }));
      if (texts.length > 0 || unknown.length === 0)
        print(texts.length === 0 ? "Nothing has run here.\n" : texts.join("\n"));
    }
    for (const text of unknown) context.talk.warn(text);
    return unknown.length === 0 ? EXIT.done : EXIT.notRunning;
  },
});

function format(
  facts: KeyFacts,
  { paint, verbose, colored }: { paint: Paint; verbose: boolean; colored: boolean },
): string {
  const [first = "", ...rest] = explainKey(facts);
  const values = (facts.drift ?? []).flatMap((field) =>
    field.field === "env" && verbose
      ? [`    ${field.name}: ${JSON.stringify(field.was ?? null)} is now ${JSON.stringify(field.now ?? null)}`]
      : [],
  );
  const lines = lastLinesOf(facts).map((line) => `    ${quoteLine(line.replaceAll("\n", " "), colored)}`);
  return [
    ...[paint.bold(first), ...rest.map((sentence) => `  ${sentence}`), ...values].map(oneLine),
    ...(lines.length === 0
      ? []
      : ["", `  ${paint.dim(lines.length === 1 ? "Its last line:" : `Its last ${lines.length} lines:`)}`, ...lines]),
  ]
    .map((line) => `${line}\n`)
    .join("");
}
