/**
 * `before`: one-shots that run one after the other before a start. The first that fails prevents the start, and the old
 * launch keeps running.
 */
import { settingsOf } from "../../manifest/model/find.ts";
import { DtError } from "../../sys/base/error.ts";
import { manifestsOf } from "../ground/manifests.ts";
import type { Ground, LaunchSpec, Report } from "../launch/types.ts";
import { runTask } from "./task.ts";
import { makeTaskSpec } from "./taskspec.ts";

interface BeforeRequest {
  ground: Ground;
  spec: LaunchSpec;
  report: Report;
  signal?: AbortSignal | undefined;
  /** How long a one-shot may take to end after SIGINT when the start is called off. Default: as for `needs`. */
  cancelMs?: number | undefined;
}

export async function runBefore({ ground, spec, report, signal, cancelMs }: BeforeRequest): Promise<void> {
  const index = await manifestsOf(ground, spec);
  for (const key of spec.settings.before) {
    signal?.throwIfAborted();
    const settings = settingsOf(index.plugins, key);
    if (settings?.kind !== "oneshot")
      throw new DtError("before", `${spec.key} was not started: ${key}, which must run before it, does not exist.`, {
        hint: "dt list",
      });
    report({ is: "note", text: `${key} runs before ${spec.key}` });
    const { env, asker, inherits, dependents = [] } = spec;
    const waiting = [spec.key, ...dependents];
    const first = makeTaskSpec(index, { key, settings, env, asker, inherits, dependents: waiting, force: true });
    const end = await runTask(ground, { spec: first, wantedBy: [spec], report, signal, cancelMs });
    signal?.throwIfAborted();
    if (end.is === "ended" && end.exit.code !== 0)
      throw new DtError("before", `${spec.key} was not started: ${key}, which runs before it, ${end.exit.text}.`, {
        hint: `dt logs ${key}`,
        details: { before: key },
      });
  }
}
