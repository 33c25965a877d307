/**
 * Managed commands: in the foreground dt is the host and shows the log; detached, it starts a host and reports the
 * outcome.
 */
import type { ManagedSettings, ManifestIndex } from "../../manifest/model/resolved.ts";
import { askerOf } from "../../state/asker.ts";
import { TICKET_MARK } from "../../supervisor/launch/marks.ts";
import { refuseNested } from "../../supervisor/launch/nested.ts";
import { makeLaunchSpec } from "../../supervisor/launch/spec.ts";
import type { LaunchSpec } from "../../supervisor/launch/types.ts";
import { dropTicket, leaveTicket, mayWait, readTicket, takeTicket } from "../../supervisor/ticket/ticket.ts";
import { DEFAULT_VARIANT, formatKey } from "../../values/key.ts";
import type { RunnerContext } from "../parts/types.ts";
import { runDetached } from "./detached.ts";
import { showPlan } from "./dryrun.ts";
import { needsSomething, startNeeded } from "./needed.ts";

export interface ServiceRequest {
  plugin: string;
  command: string;
  variant: string;
  settings: ManagedSettings;
  args: string[];
  detach: boolean;
  /** Return once spawned, not once ready. */
  noWait: boolean;
  ensure: boolean;
  /** The manifests, for starting what it needs; null to start nothing (`--no-needs`). */
  index: ManifestIndex | null;
  /** Milliseconds; null: as declared in the manifest. */
  timeoutMs: number | null;
  /** Stop the launch that holds the port. */
  take: boolean;
  /** For a stack: the toggles that are off. */
  off: string[];
  /** For a stack: recreate its containers. */
  recreate: boolean;
  /** The process that it is tied to, as written: a pid, `shell`, `agent`. */
  owner: string | null;
}

export async function runService(context: RunnerContext, request: ServiceRequest): Promise<number> {
  const key = formatKey({
    plugin: request.plugin,
    command: request.command,
    variant: request.variant || DEFAULT_VARIANT,
  });
  const spec = makeSpec(context, { request, key });
  if (context.dryRun) return showPlan(context, spec);
  refuseNested(context, { key, verb: "replace" });
  const handed = context.ownEnv[TICKET_MARK];
  spec.ticket =
    mayWait(request.settings) || request.take
      ? takeTicket(context, { key, asker: spec.asker, handed })
      : readTicket(context, { key, asker: spec.asker, handed });
  // With needs, needs.ts closes the announcement once they have their tickets.
  if (!isNeedy(request)) context.announced?.close();
  try {
    const code = await startService(context, { request, spec });
    dropTicket(context.ground, spec);
    return code;
  } catch (error) {
    leaveTicket(context.ground, spec);
    throw error;
  }
}

async function startService(
  context: RunnerContext,
  { request, spec }: { request: ServiceRequest; spec: LaunchSpec },
): Promise<number> {
  if (request.index !== null && isNeedy(request)) {
    const cancelled = await startNeeded(context, { index: request.index, spec });
    if (cancelled !== null) return cancelled;
  }
  if (request.take) await takePort(context, spec);
  if (request.owner !== null) {
    const { findOwner } = await import("../../supervisor/watch/owner.ts");
    spec.owner = findOwner(context.ground.table, request.owner);
  }
  if (request.detach) return runDetached(context, { spec, noWait: request.noWait });
  if (!spec.settings.tty) return (await import("./foreground.ts")).runForeground(context, spec);
  const { runOnTerminal } = await import("./onterminal.ts");
  return runOnTerminal(context, spec);
}

function isNeedy({ index, settings }: ServiceRequest): boolean {
  return index !== null && needsSomething(settings);
}

async function takePort(context: RunnerContext, spec: LaunchSpec): Promise<void> {
  const { freePort } = await import("../../supervisor/start/takeport.ts");
  await freePort(context.ground, { spec, say: (text) => context.talk.say(text) });
}

function makeSpec(context: RunnerContext, { request, key }: { request: ServiceRequest; key: string }): LaunchSpec {
  return makeLaunchSpec({
    key,
    settings: request.settings,
    args: request.args,
    readyTimeoutMs: request.timeoutMs,
    env: context.env,
    asker: askerOf("user", context.argv),
    ensure: request.ensure,
    off: request.off,
    recreate: request.recreate,
    detached: request.detach,
  });
}
