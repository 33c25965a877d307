/** What `dt up` brings up: everything that is named and what it needs, as nodes of one host; and the plan, shown. */
import { faultsOf } from "../../manifest/model/faults.ts";
import { dependentsOf, needsClosureOf, showPath } from "../../manifest/model/graph.ts";
import type { ManifestIndex } from "../../manifest/model/resolved.ts";
import { formatLines } from "../../output/lines.ts";
import { askerOf } from "../../state/asker.ts";
import type { UpNode } from "../../supervisor/callers/types.ts";
import { makeLaunchSpec } from "../../supervisor/launch/spec.ts";
import { makeTaskSpec } from "../../supervisor/oneshot/taskspec.ts";
import { DtError, EXIT } from "../../sys/base/error.ts";
import { print } from "../../sys/stdio/stdio.ts";
import { pluginOf, shortKey } from "../../values/key.ts";
import type { RunnerContext } from "../parts/types.ts";

export interface UpRequest {
  index: ManifestIndex;
  keys: readonly string[];
  detach: boolean;
  timeoutMs: number | null;
  force: boolean;
  colored: boolean;
}

/** Throws when a manifest that is needed does not declare it, or could not be loaded. */
export function makeUpNodes(context: RunnerContext, { index, keys, detach, timeoutMs, force }: UpRequest): UpNode[] {
  const { nodes, missing } = needsClosureOf(index, keys);
  const path = missing[0];
  if (path !== undefined) throw undeclared(index, path);
  const asker = askerOf("user", context.argv);
  return nodes.map(({ key, settings, needs }): UpNode => {
    const common = { key, env: context.env, asker, dependents: dependentsOf(nodes, key) };
    const launch = { readyTimeoutMs: timeoutMs, ensure: true, anyLater: true, detached: detach };
    return {
      key,
      needs,
      isNamed: keys.includes(key),
      run:
        settings.kind === "oneshot"
          ? { is: "task", spec: makeTaskSpec(index, { ...common, settings, force }) }
          : { is: "launch", spec: makeLaunchSpec({ ...common, ...launch, settings }) },
    };
  });
}

/** Includes the fault of the manifest that may declare it, where there is one. */
function undeclared(index: ManifestIndex, path: string[]): DtError {
  const plugin = pluginOf(path.at(-1) as string);
  const failure = index.failures.find((one) => one.plugin === plugin);
  const [fault, ...lines] = failure === undefined ? [] : faultsOf(failure);
  const why =
    fault === undefined
      ? `no manifest that could be loaded${index.root === undefined ? "" : ` in ${index.root}`} declares ${path.length > 1 ? "the last of these" : "this"}`
      : `the plugin ${plugin} could not be loaded: ${fault.replace(/\.$/, "")}`;
  return new DtError("needs", `${showPath(path)}: ${why}.`, {
    lines,
    status: EXIT.usage,
    hint: failure?.hint ?? "`dt list` shows what there is, and what failed.",
  });
}

const MET: Record<UpNode["needs"][number]["condition"], string> = {
  ready: "is ready",
  started: "has started",
  completed: "has completed",
};

export function showUpNodes({ json }: RunnerContext, nodes: readonly UpNode[]): number {
  const plan = nodes.map(({ key, needs }) => ({ key, needs }));
  const lines = plan.map(({ key, needs }) => {
    const after = needs.map((one) => `${shortKey(one.key)} ${MET[one.condition]}`).join(", ");
    return `up       ${shortKey(key)}${after === "" ? "" : `  after ${after}`}`;
  });
  print(json ? `${JSON.stringify(plan)}\n` : formatLines(lines));
  return EXIT.done;
}
