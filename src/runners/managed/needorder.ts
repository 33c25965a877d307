/** What a command needs, directly or not, in the order in which it is started. */
import { faultsOf } from "../../manifest/model/faults.ts";
import { dependentsOf, type GraphNode, needsClosureOf, showPath } from "../../manifest/model/graph.ts";
import type { Condition, ManifestIndex } from "../../manifest/model/resolved.ts";
import { DtError, EXIT } from "../../sys/base/error.ts";
import { FLAG } from "../../sys/text/flags.ts";
import { pluginOf } from "../../values/key.ts";

/** `until`: what is awaited before the next one is started. */
export type OrderedNeed = GraphNode & { until: Condition; dependents: string[] };

/** Throws when a manifest that is needed does not declare it, or could not be loaded. */
export function orderNeeds(index: ManifestIndex, key: string): OrderedNeed[] {
  const { nodes, missing } = needsClosureOf(index, [key]);
  const path = missing[0];
  if (path !== undefined) {
    const failure = index.failures.find((one) => one.plugin === pluginOf(path.at(-1) as string));
    const [fault, ...lines] = failure === undefined ? [] : faultsOf(failure);
    const why =
      fault === undefined
        ? `no manifest${index.root === undefined ? "" : ` in ${index.root}`} declares the last of these`
        : `that plugin could not be loaded: ${fault}`;
    throw new DtError("needs", `${showPath(path)}: ${why}`, {
      lines,
      status: EXIT.usage,
      hint: `Correct the manifest, or start without its needs: ${FLAG.noNeeds}`,
      details: { path },
    });
  }
  const edges = nodes.flatMap((node) => node.needs);
  return nodes
    .filter((node) => node.key !== key)
    .map((node) => {
      const asked = edges.filter((edge) => edge.key === node.key).map((edge) => edge.condition);
      return {
        ...node,
        dependents: dependentsOf(nodes, node.key),
        until: asked.find((condition) => condition !== "started") ?? "started",
      };
    });
}
