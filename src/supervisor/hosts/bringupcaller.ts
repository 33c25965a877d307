/**
 * The caller's side of bringing up detached: starts one host for all nodes, and listens until nothing more is awaited.
 * Killing the caller changes nothing.
 */
import { DtError, EXIT } from "../../sys/base/error.ts";
import { HIDDEN } from "../../sys/base/hidden.ts";
import { spawnDetached } from "../../sys/spawn/spawn.ts";
import { toError } from "../launch/failure.ts";
import type { Ground } from "../launch/types.ts";
import { hostEnvironment } from "../prepare/selfenv.ts";
import { nameHost } from "../ticket/namehost.ts";
import type { UpInput } from "./bringupchild.ts";
import type { HostedEvent, KeyOutcome, UpEvent, UpNode } from "./types.ts";
import { CANCEL, hostErrorFile, hostGroundOf, readEvents } from "./wire.ts";

export interface DetachedUp {
  ground: Ground;
  nodes: UpNode[];
  env: Record<string, string>;
  report: (event: UpEvent) => void;
  /** Aborted by the caller's Ctrl-C: the host then gives up what is not up yet. */
  cancel: AbortSignal;
}

export async function bringUpDetached({ ground, nodes, env, report, cancel }: DetachedUp): Promise<KeyOutcome[]> {
  ground.store.prepare();
  const input: UpInput = { ...hostGroundOf(ground), nodes };
  const host = spawnDetached([...ground.self, HIDDEN.hosts], {
    env: hostEnvironment(env, ground.root),
    errorFile: hostErrorFile(ground),
  });
  for (const { run } of nodes) nameHost(ground, { start: run.spec, pid: host.pid });
  const send = (line: string) => {
    host.stdin.write(`${line}\n`);
    host.stdin.flush();
  };
  send(JSON.stringify(input));
  cancel.addEventListener("abort", () => send(CANCEL));
  if (cancel.aborted) send(CANCEL);
  for await (const event of readEvents<HostedEvent>(host.stdout)) {
    if (event.is === "failed") throw toError(event.error);
    report(event);
    if (event.is === "up") return event.outcomes;
  }
  throw new DtError("host-lost", "The host ended before it reported what became of the launches.", {
    status: EXIT.internal,
    hint: `See ${hostErrorFile(ground)}, and \`dt ps\` for what runs.`,
  });
}
