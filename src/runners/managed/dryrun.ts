/** `--dry-run` of a managed command: shows what would be started, and starts nothing. */
import type { LaunchSpec } from "../../supervisor/launch/types.ts";
import { EXIT } from "../../sys/base/error.ts";
import { print } from "../../sys/stdio/stdio.ts";
import { tellEvent } from "../parts/tell.ts";
import type { RunnerContext } from "../parts/types.ts";

export async function showPlan(context: RunnerContext, spec: LaunchSpec): Promise<number> {
  const { ground, json } = context;
  const { prepareLaunch } = await import("../../supervisor/prepare/launch.ts");
  const { formatPlan } = await import("../parts/plan.ts");
  const { argv, cwd, environment, port, log } = await prepareLaunch(ground, {
    spec,
    report: (event) => tellEvent(context, event),
    dry: true,
  });
  print(formatPlan({ key: spec.key, argv, cwd, added: environment.added, port, log }, json));
  return EXIT.done;
}
