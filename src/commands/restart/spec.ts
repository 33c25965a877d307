/** What a restart starts: the command as its manifest declares it now, with the arguments of the launch before. */
import { existsSync } from "node:fs";
import { faultsOf } from "../../manifest/model/faults.ts";
import { findFailure, settingsOf } from "../../manifest/model/find.ts";
import type { ManagedSettings, ManifestIndex } from "../../manifest/model/resolved.ts";
import { askerOf } from "../../state/asker.ts";
import type { LaunchRecord } from "../../state/types.ts";
import { makeLaunchSpec } from "../../supervisor/launch/spec.ts";
import type { LaunchSpec } from "../../supervisor/launch/types.ts";
import { DtError, EXIT } from "../../sys/base/error.ts";
import { pluginOf } from "../../values/key.ts";
import type { Acting, DtContext } from "../context/types.ts";
import { unknownName } from "../names/named.ts";
import { hasLeft } from "../names/select.ts";
import { wordsOfUnread } from "../names/unread.ts";
import { isOfHome, refuseOfRoot } from "../root/strangers.ts";

/**
 * A restart is a start by words, as in commands/plugin.ts: it trusts the root, unless it is a dry run or the command is
 * the user's own.
 */
export async function restartCallOf(context: DtContext, key: string): Promise<Acting & { asStranger: boolean }> {
  const begin = () => {};
  const isStrange = context.isStranger();
  if (context.globals.dryRun) return { index: await context.index(), begin, asStranger: isStrange };
  if (isStrange) {
    const index = await context.index();
    if (isOfHome(index, key)) {
      refuseOfRoot(index, { root: context.root(), key });
      return { index, begin, asStranger: true };
    }
  }
  // Where nothing ever ran, the name is most likely wrong, and should leave nothing on disk.
  const hasRun = existsSync(context.store().directory);
  return { ...(await context.act(undefined, hasRun)), asStranger: false };
}

/** Throws if the key is not declared, or not as a managed command. */
export function restartSettingsOf(
  context: DtContext,
  { index, key }: { index: ManifestIndex; key: string },
): ManagedSettings {
  const settings = settingsOf(index.plugins, key);
  if (settings?.kind === "managed") return settings;
  const plugin = pluginOf(key);
  const failure = Object.hasOwn(index.plugins, plugin) ? undefined : findFailure(index, plugin);
  const [fault, ...lines] = failure === undefined ? [] : faultsOf(failure);
  const places = { root: context.root(), index, onDisk: [] };
  if (settings === undefined && fault === undefined && !hasLeft(context.store(), key)) throw unknownName(places, key);
  const why =
    fault ??
    (settings === undefined
      ? `no manifest of ${places.root} declares it now`
      : "it is a one-shot, and a one-shot is run, not restarted");
  throw new DtError("unknown-command", `${key} cannot be restarted: ${why}${fault === undefined ? "." : ""}`, {
    lines,
    status: EXIT.usage,
    hint: index.unread.length === 0 ? "`dt list` shows what there is." : wordsOfUnread(index.unread),
  });
}

export interface RestartOf {
  index: ManifestIndex;
  key: string;
  /** Of the launch before; null when there is none. */
  record: LaunchRecord | null;
  timeoutMs: number | null;
}

export function restartSpecOf(context: DtContext, { index, key, record, timeoutMs }: RestartOf): LaunchSpec {
  const settings = restartSettingsOf(context, { index, key });
  return makeLaunchSpec({
    key,
    settings,
    args: record?.args ?? [],
    readyTimeoutMs: timeoutMs,
    env: context.env,
    asker: askerOf("user", context.argv),
    anyLater: true,
    off: (record?.stack?.off ?? []).filter((name) => Object.hasOwn(settings.compose?.toggles ?? {}, name)),
  });
}
