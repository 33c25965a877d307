/**
 * The caller's side of a detached start. The host is the same binary in a session of its own; it reads from one pipe
 * what to start, and reports through another. The caller only listens: if it is killed, nothing changes. Only an
 * explicit cancel (Ctrl-C) changes something: before the spawn it clears what was written, after the spawn it stops the
 * launch.
 */
import { DtError, EXIT } from "../../sys/base/error.ts";
import { HIDDEN } from "../../sys/base/hidden.ts";
import { spawnDetached } from "../../sys/spawn/spawn.ts";
import { toError } from "../launch/failure.ts";
import type { Ground, LaunchEvent, LaunchSpec, Report } from "../launch/types.ts";
import { hostEnvironment } from "../prepare/selfenv.ts";
import { nameHost } from "../ticket/namehost.ts";
import { CANCEL, type HostInput, hostErrorFile, hostGroundOf, readEvents } from "./wire.ts";

/** The event that ends the wait. */
export type Until = "spawned" | "ready";

export interface DetachedStart {
  ground: Ground;
  spec: LaunchSpec;
  until: Until;
  report: Report;
  /** Aborted by the caller's Ctrl-C: the host then gives the start up. */
  cancel: AbortSignal;
}

/** Starts a host and relays its events until the launch is there. Returns the last event. Throws the host's error. */
export async function startDetached({ ground, spec, until, report, cancel }: DetachedStart): Promise<LaunchEvent> {
  ground.store.prepare();
  const input: HostInput = { ...hostGroundOf(ground), spec };
  const host = spawnDetached([...ground.self, HIDDEN.host, spec.key], {
    env: hostEnvironment(spec.env, ground.root),
    errorFile: hostErrorFile(ground),
  });
  nameHost(ground, { start: spec, pid: host.pid });
  // Not unref'd: Bun 1.4.5 would then poll without a pause while the host's output is awaited, which takes a whole CPU.
  host.stdin.write(`${JSON.stringify(input)}\n`);
  host.stdin.flush();
  const onCancel = () => {
    host.stdin.write(`${CANCEL}\n`);
    host.stdin.flush();
  };
  if (cancel.aborted) onCancel();
  else cancel.addEventListener("abort", onCancel);
  try {
    for await (const event of readEvents<LaunchEvent>(host.stdout)) {
      report(event);
      if (event.is === "failed") throw toError(event.error);
      if (isLast(event, until)) return event;
    }
  } finally {
    // A launch that is there is not cancelled by a Ctrl-C that means the next one (of several restarts, or of the needs
    // of a command).
    cancel.removeEventListener("abort", onCancel);
  }
  throw new DtError("host-lost", `The host of ${spec.key} ended before it reported what became of the launch.`, {
    status: EXIT.internal,
    hint: `See ${hostErrorFile(ground)}, and \`dt ps\` for what runs.`,
  });
}

/**
 * Starts a host for a launch whose own is gone, and does not wait for it: the new host finds out whether there is
 * something to take over.
 */
export function startAdopting(ground: Ground, { key, env }: { key: string; env: Record<string, string> }): void {
  const host = spawnDetached([...ground.self, HIDDEN.adopt, key], {
    env: hostEnvironment(env, ground.root),
    errorFile: hostErrorFile(ground),
  });
  host.stdin.write(`${JSON.stringify({ ...hostGroundOf(ground), key })}\n`);
  host.stdin.end();
  void host.stdout.cancel();
  host.unref();
}

function isLast(event: LaunchEvent, until: Until): boolean {
  switch (event.is) {
    case "spawned":
    case "joined":
      return until === "spawned" || !event.probed;
    case "ready":
    case "unhealthy":
    case "unchanged":
    case "ended":
      return true;
    default:
      return false;
  }
}
