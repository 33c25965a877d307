/**
 * `dt doctor`: looks at locks, records, directories, manifests and the system; with `--fix` it makes the repairs that
 * are safe. Exit 1 when something needs attention.
 */
import type { Finding, Repaired } from "../../inspect/doctor/types.ts";
import { makePaint } from "../../output/talk.ts";
import { DtError, EXIT, messageOf } from "../../sys/base/error.ts";
import { print } from "../../sys/stdio/stdio.ts";
import type { DtContext } from "../context/types.ts";
import { examine } from "../doctor/examine.ts";
import { type CheckedFinding, formatFindings, needsAttention, reportOfFinding } from "../doctor/report.ts";
import { defineVerb } from "../parse/verb.ts";

export default defineVerb({
  args: {
    fix: { type: "boolean", description: "Make the repairs that are safe" },
  },
  async run({ args, data }) {
    const context = data as DtContext;
    const fix = args.fix === true && !context.globals.dryRun;
    const checked: CheckedFinding[] = [];
    for (const finding of await examine(context)) {
      checked.push({ ...finding, repaired: fix && finding.repair !== null ? await repair(finding) : null });
    }
    const ok = !checked.some(needsAttention);
    print(
      context.globals.json
        ? `${JSON.stringify({ ok, findings: checked.map(reportOfFinding) })}\n`
        : formatFindings(checked, makePaint(context.colored())),
    );
    return ok ? EXIT.done : EXIT.failed;
  },
});

async function repair(finding: Finding): Promise<Repaired> {
  try {
    return (await finding.repair?.()) ?? { done: false, text: "there is nothing to repair" };
  } catch (error) {
    if (!(error instanceof DtError)) throw error;
    return { done: false, text: messageOf(error) };
  }
}
