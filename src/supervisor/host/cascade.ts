/**
 * After a restart because of changed files, the running launches that need this one are restarted too, in order, each
 * by its own host.
 */
import { declaredIn } from "../../manifest/model/find.ts";
import type { ManagedSettings, ManifestIndex } from "../../manifest/model/resolved.ts";
import { messageOf } from "../../sys/base/error.ts";
import { identifySelf, presenceOf } from "../../sys/process/identity.ts";
import { manifestsOf } from "../ground/manifests.ts";
import { awaitSettled } from "../run/settle.ts";
import type { Host, HostedRun } from "../run/types.ts";
import { askRestart } from "./request.ts";

export interface Dependent {
  key: string;
  settings: ManagedSettings;
}

/** All managed commands that need this key, directly or not, each after its own needs. */
export function findDependents(index: ManifestIndex, key: string): Dependent[] {
  const all = new Map<string, Dependent>();
  for (const { key: own, settings } of declaredIn(index))
    if (settings.kind === "managed") all.set(own, { key: own, settings });
  const needs = (one: Dependent) => one.settings.needs.map((need) => need.key);
  const found = new Map<string, boolean>([[key, true]]);
  const order: Dependent[] = [];
  const visit = (one: Dependent): boolean => {
    const known = found.get(one.key);
    if (known !== undefined) return known;
    found.set(one.key, false); // a circle ends here
    const below = needs(one).map((need) => {
      const dependent = all.get(need);
      return dependent === undefined ? need === key : visit(dependent);
    });
    const depends = below.includes(true);
    found.set(one.key, depends);
    if (depends) order.push(one);
    return depends;
  };
  for (const one of all.values()) visit(one);
  return order;
}

export async function restartDependents({ ground, report }: Host, run: HostedRun): Promise<void> {
  const { key } = run.record;
  const { signal } = run.over;
  const index = await manifestsOf(ground, run.spec);
  await awaitSettled(ground, { key, signal });
  for (const dependent of findDependents(index, key)) {
    const read = ground.store.record(dependent.key);
    if (read.is !== "there" || read.value.phase !== "running") continue;
    const record = read.value;
    const say = (text: string) => report({ is: "note", text: `${dependent.key}, which needs ${key}, ${text}` });
    if (presenceOf(ground.table, record.host) !== "alive") {
      say("is not restarted: it has no host");
      continue;
    }
    const { plugin, command, variant, args } = record;
    const self = identifySelf(ground.table);
    const asker = {
      by: "policy" as const,
      pid: self.pid,
      command: "`cascade` in the manifest",
      because: `${key} was restarted`,
    };
    const more = { ...dependent, plugin, command, variant, args, asker, readyTimeoutMs: null, ensure: false };
    try {
      const answer = await askRestart(ground, { record, spec: { ...run.spec, ...more, detached: record.detached } });
      say(answer === "restarted" ? "is restarted too" : "is not restarted: its host does not answer");
      if (answer === "restarted") await awaitSettled(ground, { key: dependent.key, notToken: record.token, signal });
    } catch (error) {
      if (signal.aborted) return;
      say(`is not restarted: ${messageOf(error)}`);
    }
  }
}
