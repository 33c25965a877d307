/** `dt ps`: launches that live, wait in backoff or have failed; with `--all` every key that has a record or an exit. */
import { makeDriftOf } from "../../inspect/drift.ts";
import { describeLeftTask } from "../../inspect/lefttask.ts";
import { beginLook, keysOf, lookAtAll, processesOf } from "../../inspect/look.ts";
import { withServices } from "../../inspect/services.ts";
import type { KeyReport, Look } from "../../inspect/types.ts";
import { formatLines } from "../../output/lines.ts";
import { formatTable } from "../../output/table.ts";
import { makePaint, type Paint } from "../../output/talk.ts";
import type { KeyState } from "../../state/types.ts";
import { isLiving } from "../../state/view.ts";
import { leftTasks } from "../../supervisor/task/left.ts";
import { print } from "../../sys/stdio/stdio.ts";
import { showCommand } from "../../values/commandline.ts";
import { formatDuration } from "../../values/duration.ts";
import type { DtContext } from "../context/types.ts";
import { usage } from "../context/usage.ts";
import { selectionOf } from "../names/select.ts";
import { defineVerb } from "../parse/verb.ts";

export default defineVerb({
  args: {
    all: { type: "boolean", alias: "a", description: "Also launches that were stopped or have exited" },
    "all-roots": { type: "boolean", description: "Include every project in which you ever started something" },
    tree: { type: "boolean", description: "Also the processes of each, and the services of a stack" },
    _: { type: "positional", required: false, description: "Keys, or one plugin", valueHint: "key …" },
  },
  async run({ args, data }) {
    const context = data as DtContext;
    if (args["all-roots"]) return showAllRoots(context, { all: args.all === true, words: args._ });
    const ground = context.ground();
    const look = beginLook(ground, makeDriftOf(ground, await context.peek()));
    const looked = lookAtAll(look, keysOf(ground, await selectionOf(context, { words: args._ })));
    const reports = (await withServices(look.ground, looked)).filter((report) => args.all || isShown(report));
    const below = args.tree ? (report: KeyReport) => treeOf(look, report) : undefined;
    if (context.globals.json) print(`${JSON.stringify(reports.map((one) => withTree(one, below)))}\n`);
    else print(formatReports(reports, { paint: makePaint(context.colored()), below }));
    for (const task of args._.length > 0 ? [] : leftTasks(look.ground))
      context.talk.say(`${describeLeftTask(task)} dt stop ${task.key} ends it.`);
    return 0;
  },
});

async function showAllRoots(
  context: DtContext,
  { all, words }: { all: boolean; words: readonly string[] },
): Promise<number> {
  if (words.length > 0) throw usage("dt ps takes either names or --all-roots.");
  const { lookAtRoots } = await import("../../inspect/roots.ts");
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
    return `${formatLines([paint.bold(title)])}${formatReports(reports, { paint })}`;
  });
  print(parts.length === 0 ? "Nothing runs in any root.\n" : parts.join("\n"));
  return 0;
}

const SHOWN: ReadonlySet<KeyState> = new Set<KeyState>(["failed", "foreign"]);

const isShown = ({ state }: KeyReport) => isLiving(state) || SHOWN.has(state);

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
  foreign: "yellow",
};

interface Below {
  pid: number | null;
  name: string;
  state: string;
  ports: string[];
  command: string;
}

/** The containers of a stack; the processes of any other launch. */
function treeOf(look: Look, report: KeyReport): Below[] {
  if (report.services !== undefined)
    return (report.services ?? []).map(({ service, number, state, health, exitCode, ports, container }) => ({
      pid: null,
      name: `${service}-${number}`,
      state: health ?? (exitCode === null ? state : `${state} ${exitCode}`),
      ports,
      command: container,
    }));
  return processesOf(look, report.key).map((one) => ({ ...one, name: "", state: "", ports: [] }));
}

function withTree(report: KeyReport, below: ((report: KeyReport) => Below[]) | undefined) {
  if (below === undefined || report.services !== undefined) return report;
  return { ...report, processes: below(report).map(({ pid, command }) => ({ pid, command })) };
}

export function formatReports(
  reports: readonly KeyReport[],
  { paint, below = () => [] }: { paint: Paint; below?: ((report: KeyReport) => Below[]) | undefined },
): string {
  if (reports.length === 0) return "Nothing runs here.\n";
  const rows = reports.flatMap((report) => [
    rowOf(report, paint),
    ...below(report).map(({ pid, name, state, ports, command }) => [
      `  ${name}`,
      state,
      pid === null ? "-" : String(pid),
      "",
      ports.join(","),
      command,
    ]),
  ]);
  return formatTable([["KEY", "STATE", "PID", "UP", "PORTS", "COMMAND"].map(paint.bold), ...rows]);
}

function rowOf(report: KeyReport, paint: Paint): string[] {
  return [
    report.key,
    paint[COLORS[report.state]](report.state),
    report.pid === null ? "-" : String(report.pid),
    report.uptimeMs === null ? "-" : formatDuration(report.uptimeMs),
    report.ports.length === 0 ? "-" : report.ports.join(","),
    report.note ?? endText(report) ?? showCommand(report.argv),
  ];
}

function endText({ exit }: KeyReport): string | null {
  if (exit === null) return null;
  const reason = exit.reason === "unknown" ? "how it ended is unknown" : exit.reason;
  const status = exit.signal !== null ? [`signal ${exit.signal}`] : exit.code === null ? [] : [`code ${exit.code}`];
  return [reason, ...status, `${formatDuration(Date.now() - Date.parse(exit.at))} ago`].join(", ");
}
