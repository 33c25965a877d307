/** What a managed command needs is started first, in order, where it is not healthy already. A cycle or an unknown key is told with its path. */
import type { ManagedSettings, ManifestIndex } from "../manifest/resolved.ts";
import { formatKey, parseKey } from "../state/key.ts";
import { startDetached } from "../supervisor/detach.ts";
import { awaitSettled, settledNow } from "../supervisor/settle.ts";
import type { LaunchSpec } from "../supervisor/types.ts";
import { DtError, EXIT } from "../sys/error.ts";
import type { RunnerContext } from "./context.ts";
import { tellEvent, tellLastLines } from "./tell.ts";

export interface Need {
  key: string;
  settings: ManagedSettings;
}

/** All that a command needs, directly or not, what is needed by others first. */
export function orderNeeds(index: ManifestIndex, key: string, settings: ManagedSettings): Need[] {
  const order = new Map<string, Need>();
  const visit = (from: string[], needs: readonly string[]) => {
    for (const text of needs) {
      const parts = parseKey(text);
      const need = parts === null ? text : formatKey(parts);
      const path = [...from, need];
      if (from.includes(need)) throw needsError(`${path.join(" needs ")}: that is a circle.`, path);
      if (order.has(need)) continue;
      const found = parts === null ? undefined : settingsOf(index, parts.plugin, parts.command, parts.variant);
      if (found?.kind !== "managed") {
        const what =
          found === undefined
            ? "which no manifest declares"
            : "which is a one-shot: only managed commands can be needed in this version";
        throw needsError(`${path.join(" needs ")}, ${what}.`, path);
      }
      visit(path, found.needs);
      order.set(need, { key: need, settings: found });
    }
  };
  visit([key], settings.needs);
  return [...order.values()];
}

function settingsOf(index: ManifestIndex, plugin: string, command: string, variant: string) {
  return index.plugins[plugin]?.commands[command]?.variants[variant];
}

function needsError(message: string, path: string[]): DtError {
  return new DtError("needs", message, {
    status: EXIT.usage,
    hint: "Correct `needs` in the manifest, or start without: --no-needs",
    details: { path },
  });
}

/** Throws what the first of them that does not become healthy says. */
export async function startNeeds(
  context: RunnerContext,
  index: ManifestIndex,
  spec: LaunchSpec,
  cancel: AbortSignal,
): Promise<void> {
  for (const need of orderNeeds(index, spec.key, spec.settings)) {
    const now = settledNow(context.ground, need.key);
    const settled = now ?? (await awaitSettled(context.ground, need.key, { signal: cancel }));
    if (settled.is === "ready" || settled.is === "running") continue;
    // Somebody else's start that was waited for in vain is not begun again: they may be looking at it.
    const waited = now === null && settled.is === "unhealthy";
    const why = waited ? notInTime(settled.why) : await startNeed(context, spec, need, cancel);
    if (cancel.aborted) return;
    if (why === null) continue;
    throw new DtError("need-failed", `${spec.key} was not started: it needs ${need.key}, which ${why}.`, {
      hint: `dt logs ${need.key}`,
      details: { need: need.key },
    });
  }
}

/** Null when it is up, else why it is not. */
async function startNeed(
  context: RunnerContext,
  spec: LaunchSpec,
  need: Need,
  cancel: AbortSignal,
): Promise<string | null> {
  const parts = parseKey(need.key) as NonNullable<ReturnType<typeof parseKey>>;
  context.talk.say(`${spec.key} needs ${need.key}: starting it`);
  const own: LaunchSpec = {
    ...spec,
    ...parts,
    ...need,
    args: [],
    readyTimeoutMs: null,
    ensure: true, // of two who need it at once, the second leaves the first one's alone
    detached: true,
  };
  const last = await startDetached(context.ground, own, "ready", (event) => tellEvent(context, event), cancel);
  const failed = last.is === "ended" ? last.exit : last.is === "unhealthy" ? last.line : null;
  if (failed !== null && context.talk.onCi) tellLastLines(context, need.key, failed.log);
  if (last.is === "ended") return last.exit.text;
  return last.is === "unhealthy" ? notInTime(last.why) : null;
}

function notInTime(why: string): string {
  return `is not ready in time: ${why}`;
}
