/** `dt status`: one or several keys in detail; exit 3 when one of them does not run. */
import { makeDriftOf } from "../../inspect/drift.ts";
import { beginLook, keysOf, lookAt } from "../../inspect/look.ts";
import { withServices } from "../../inspect/services.ts";
import type { KeyReport } from "../../inspect/types.ts";
import { formatLines } from "../../output/lines.ts";
import { makePaint } from "../../output/talk.ts";
import { isLiving } from "../../state/view.ts";
import { EXIT } from "../../sys/base/error.ts";
import { print } from "../../sys/stdio/stdio.ts";
import { shortPath, showCommand } from "../../values/commandline.ts";
import { formatDuration } from "../../values/duration.ts";
import type { DtContext } from "../context/types.ts";
import { selectionOf } from "../names/select.ts";
import { defineVerb } from "../parse/verb.ts";

export default defineVerb({
  args: {
    _: { type: "positional", required: false, description: "Keys, words of one, or a plugin", valueHint: "key …" },
  },
  async run({ args, data }) {
    const context = data as DtContext;
    const ground = context.ground();
    const selection = await selectionOf(context, { words: args._ });
    const look = beginLook(ground, makeDriftOf(ground, await context.peek()));
    const reports = await Promise.all(
      keysOf(ground, selection).map(async (key) => {
        const report = lookAt(look, key);
        return { key, report: report === null ? null : ((await withServices(look.ground, [report]))[0] ?? null) };
      }),
    );
    const living = reports.filter(({ report }) => report !== null && isLiving(report.state));
    if (context.globals.json) {
      const shown = reports.map(({ key, report }) => report ?? { key, state: "stopped", pid: null, exit: null });
      print(`${JSON.stringify(selection.is === "keys" && shown.length === 1 ? shown[0] : shown)}\n`);
    } else {
      const paint = makePaint(context.colored());
      const texts = reports.map(({ key, report }) =>
        report === null
          ? formatLines([`${paint.bold(key)}  never ran here`])
          : describe(context.root(), { report, bold: paint.bold }),
      );
      print(texts.length === 0 ? "Nothing runs here.\n" : texts.join("\n"));
    }
    return living.length === reports.length && living.length > 0 ? EXIT.done : EXIT.notRunning;
  },
});

function describe(root: string, { report, bold }: { report: KeyReport; bold: (text: string) => string }): string {
  const rows: [string, string | null][] = [
    [
      "pid",
      report.pid === null
        ? null
        : `${report.pid}${report.host === null ? "" : `, host ${report.host.pid}${report.host.alive ? "" : " (gone)"}`}`,
    ],
    [
      "since",
      report.startedAt === null
        ? null
        : `${report.startedAt}${report.uptimeMs === null ? "" : ` (${formatDuration(report.uptimeMs)})`}`,
    ],
    ["url", report.url],
    ["ports", report.ports.length === 0 ? null : report.ports.join(", ")],
    [
      "services",
      report.services
        ?.map(({ service, number, state, health, ports }) =>
          [`${service}-${number}`, health ?? state, ...ports].join(" "),
        )
        .join("; ") ?? null,
    ],
    ["log", shortPath(root, report.log)],
    ["cwd", report.cwd === null ? null : shortPath(root, report.cwd)],
    ["command", report.argv.length === 0 ? null : showCommand(report.argv)],
    ["restarts", report.restarts === 0 ? null : String(report.restarts)],
    ["started", report.startedBy === null ? null : `by ${report.startedBy.command} (pid ${report.startedBy.pid})`],
    [
      "owner",
      report.owner === null
        ? null
        : `${report.owner.command} (pid ${report.owner.pid}${report.owner.alive ? "" : ", gone"})`,
    ],
    ["drift", report.drift === true ? "the manifest has changed since: a rerun would start something else" : null],
    [
      "exit",
      report.exit === null
        ? null
        : `${report.exit.reason}, ${report.exit.signal ?? `code ${report.exit.code ?? "unknown"}`}, ${report.exit.at}`,
    ],
    ["note", report.note],
  ];
  const lines = rows.flatMap(([name, value]) => (value === null ? [] : [`  ${name.padEnd(9)}${value}`]));
  return formatLines([`${bold(report.key)}  ${report.state}`, ...lines]);
}
