/** What `dt daemon` prints: its status, its logs, what was done, and what `--dry-run` would do. */
import { askStatus } from "../../daemon/socket/client.ts";
import type { Status } from "../../daemon/socket/protocol.ts";
import type { PlanStep } from "../../daemon/unit/plan.ts";
import { formatLines } from "../../output/lines.ts";
import { makePaint, type Paint } from "../../output/talk.ts";
import { EXIT } from "../../sys/base/error.ts";
import { BUILD, COMMIT, VERSION } from "../../sys/base/version.ts";
import { print } from "../../sys/stdio/stdio.ts";
import { showCommand } from "../../values/commandline.ts";
import { formatDuration } from "../../values/duration.ts";
import { wordsOfWaiting } from "../context/once.ts";
import type { DtContext } from "../context/types.ts";
import { countOf } from "../parse/values.ts";
import type { Here } from "../root/servehere.ts";
import type { DaemonCall } from "./args.ts";

const DEFAULT_LINES = 100;

export function tellRunning(
  { globals }: DtContext,
  { status, how, registered }: { status: Status; how: string; registered?: Here | null | undefined },
): number {
  const report = registered === undefined ? status : { ...status, registered };
  print(globals.json ? `${JSON.stringify(report)}\n` : `daemon ${how} (pid ${status.pid})\n`);
  return EXIT.done;
}

export async function showStatus(context: DtContext, { paths }: Pick<DaemonCall, "paths">): Promise<number> {
  const status = await askStatus(paths);
  if (status === null) {
    print(
      context.globals.json
        ? `${JSON.stringify({ running: false, socket: paths.socket })}\n`
        : "daemon is not running\n",
    );
    return EXIT.notRunning;
  }
  if (context.globals.json) {
    print(`${JSON.stringify(status)}\n`);
    return EXIT.done;
  }
  const paint = makePaint(context.colored());
  const { foreignRegistrations } = await import("../../daemon/roots/roots.ts");
  print(formatLines(linesOfStatus(status, { foreign: foreignRegistrations(paths), paint })));
  return EXIT.done;
}

/** `foreign`: registrations that do not count, in words. */
function linesOfStatus(status: Status, { foreign, paint }: { foreign: readonly string[]; paint: Paint }): string[] {
  const age = formatDuration(Math.max(0, Date.now() - status.started_at_unix * 1000));
  const commit = status.commit === "" ? "" : ` (${status.commit})`;
  const roots = status.roots.length === 0 ? ["none is registered (dt boot add)"] : status.roots;
  // A daemon of an earlier dt does not say which roots wait.
  const waiting = (status as Partial<Status>).waiting ?? [];
  const isOther = status.upgraded || status.build !== BUILD || status.version !== VERSION || status.commit !== COMMIT;
  return [
    `daemon is running  pid ${status.pid}, for ${age}, dt ${status.version}${commit}`,
    `  socket   ${status.socket}`,
    `  started  ${status.manager === null ? "by a person" : `by ${status.manager}, which starts it again`}`,
    ...roots.map((root, at) => `  ${(at === 0 ? "roots" : "").padEnd(8)} ${root}`),
    ...(status.projects_root === null
      ? []
      : [`  projects ${status.projects_root}, ${status.codebase_count} codebases`]),
    ...waiting.map(({ root, files }) => paint.yellow(`  waiting  ${root}: ${wordsOfWaiting(root, files)}`)),
    ...foreign.map((words) => paint.yellow(`  foreign  ${words}`)),
    ...(isOther ? [paint.yellow("  Another build of dt is installed now: dt daemon restart switches to it.")] : []),
  ];
}

/** Of the daemon itself; what jobs wrote is in `dt jobs`. */
export async function showLogs({ globals }: DtContext, { paths, args }: DaemonCall): Promise<number> {
  const { readDaemonLogs } = await import("../../daemon/log.ts");
  const lines = readDaemonLogs(paths, {
    lines: countOf("--lines (-n)", args.lines) ?? DEFAULT_LINES,
    errorsAlone: args["stderr-only"] === true,
  });
  const shown = globals.json
    ? lines.map((line) => JSON.stringify(line))
    : lines.map((line) => `${line.at ?? ""} ${line.level.padEnd(5)} ${line.text}`);
  print(formatLines(shown));
  return EXIT.done;
}

export function showServicePlan({ globals }: DtContext, steps: readonly PlanStep[]): number {
  if (globals.json) {
    print(`${JSON.stringify(steps)}\n`);
    return EXIT.done;
  }
  const text = steps.map((step) => {
    if (step.is === "run") return `$ ${showCommand(step.argv)}`;
    if (step.is === "remove") return `$ ${showCommand(["rm", "-f", step.path])}`;
    if (step.is === "binary") return `$ ${showCommand(["ln", "-f", step.from, step.to])}`;
    return `# ${step.path}\n${step.text}`;
  });
  print(`${text.join("\n")}\n`);
  return EXIT.done;
}
