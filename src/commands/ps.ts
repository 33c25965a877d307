/** `dt ps`: what lives, waits in backoff or has failed; with `--all` every key that has a record or an exit. */
import { defineCommand } from "citty";
import { quoteCommand } from "../output/shell.ts";
import { formatTable } from "../output/table.ts";
import { makePaint, type Paint } from "../output/talk.ts";
import { formatDuration } from "../output/time.ts";
import type { KeyState } from "../state/types.ts";
import { isLiving } from "../state/view.ts";
import { print } from "../sys/stdio.ts";
import { usage } from "./args.ts";
import type { DtContext } from "./context.ts";
import { makeDriftOf } from "./drift.ts";
import { beginLook, type KeyReport, keysOf, lookAt } from "./look.ts";
import { selectionOf } from "./words.ts";

export default defineCommand({
  meta: { name: "ps", description: "List what runs, waits or has failed" },
  args: {
    all: { type: "boolean", alias: "a", description: "Also what was stopped or has exited" },
    "all-roots": { type: "boolean", description: "Of every project in which you ever started something" },
    _: { type: "positional", required: false, description: "Keys, or one plugin", valueHint: "key …" },
  },
  async run({ args, data }) {
    const context = data as DtContext;
    if (args["all-roots"]) return showAllRoots(context, args.all === true, args._);
    const ground = context.ground();
    const look = beginLook(ground, makeDriftOf(ground, await context.peek()));
    const reports = keysOf(ground, await selectionOf(context, args._))
      .flatMap((key) => lookAt(look, key) ?? [])
      .filter((report) => args.all || isShown(report));
    print(context.globals.json ? `${JSON.stringify(reports)}\n` : formatReports(reports, makePaint(context.colored())));
    return 0;
  },
});

async function showAllRoots(context: DtContext, all: boolean, words: readonly string[]): Promise<number> {
  if (words.length > 0) throw usage("dt ps takes either names or --all-roots.");
  const { lookAtRoots } = await import("./roots.ts");
  const roots = lookAtRoots(context)
    .map((one) => ({ ...one, reports: one.reports.filter((report) => all || isShown(report)) }))
    .filter(({ reports }) => reports.length > 0);
  if (context.globals.json) {
    print(
      `${JSON.stringify(roots.flatMap(({ root, branch, reports }) => reports.map((report) => ({ ...report, root, branch }))))}\n`,
    );
    return 0;
  }
  const paint = makePaint(context.colored());
  const parts = roots.map(({ root, branch, there, reports }) => {
    const title = `${root}${branch === null ? "" : `  ${branch}`}${there ? "" : "  (its manifests are gone)"}`;
    return `${paint.bold(title)}\n${formatReports(reports, paint)}`;
  });
  print(parts.length === 0 ? "Nothing runs in any root.\n" : parts.join("\n"));
  return 0;
}

const isShown = ({ state }: KeyReport) => isLiving(state) || state === "failed";

const COLORS: Record<KeyState, keyof Paint> = {
  starting: "yellow",
  running: "green",
  ready: "green",
  unhealthy: "red",
  stopping: "yellow",
  backoff: "yellow",
  stopped: "dim",
  exited: "dim",
  failed: "red",
};

export function formatReports(reports: readonly KeyReport[], paint: Paint): string {
  if (reports.length === 0) return "Nothing runs here.\n";
  const rows = reports.map((report) => [
    report.key,
    paint[COLORS[report.state]](report.state),
    report.pid === null ? "-" : String(report.pid),
    report.uptimeMs === null ? "-" : formatDuration(report.uptimeMs),
    report.ports.length === 0 ? "-" : report.ports.join(","),
    report.note ?? endText(report) ?? quoteCommand(report.argv),
  ]);
  return formatTable([["KEY", "STATE", "PID", "UP", "PORTS", "COMMAND"].map(paint.bold), ...rows]);
}

function endText({ exit }: KeyReport): string | null {
  if (exit === null) return null;
  const how =
    exit.signal !== null ? `signal ${exit.signal}` : exit.code === null ? "unknown exit" : `code ${exit.code}`;
  return `${exit.reason}, ${how}, ${formatDuration(Date.now() - Date.parse(exit.at))} ago`;
}
