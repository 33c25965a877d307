/**
 * Asks the root's host for something, and hears what becomes of it. Before it has said everything, a host may end, or
 * be stopped:
 *
 *   the host     and had                        then
 *   ----------   ----------------------------   --------------------------------------------------------------------
 *   is gone      begun nothing                  another is asked, and starts it
 *                recorded the launch            another is asked, and takes the launch over
 *                spawned it, without a record   another is asked, ends it, and starts it again
 *   is stopped   not taken the request          another is asked; the first one, if it goes on, begins nothing
 *                taken it                       it goes on with it, or with a Ctrl-C, when it is let go on: the caller
 *                                               says so and ends, after 5 s, or after Ctrl-C; `host-stopped`
 */
import { DtError, EXIT } from "../../sys/base/error.ts";
import { ownBlocked } from "../../sys/inherit/blocked.ts";
import { callerKind } from "../../sys/inherit/inheritance.ts";
import { canReadInherited } from "../../sys/inherit/inherited.ts";
import { ownKeyring } from "../../sys/inherit/keyring.ts";
import type { Ground } from "../launch/types.ts";
import { nameHost } from "../ticket/namehost.ts";
import { dropTicket, leaveTicket, type Ticketed } from "../ticket/ticket.ts";
import { hostLost, reachHost } from "./reach.ts";
import { watchSuspended } from "./suspended.ts";
import { type CallerWord, HOST_PROTOCOL, type HostAsk, type HostWord, hostGroundOf } from "./wire.ts";

type Wanted = HostAsk extends infer One
  ? One extends HostAsk
    ? Omit<One, "version" | "ground" | "keyring" | "blocked">
    : never
  : never;

interface Asking {
  request: Wanted;
  /** The starts that are handed over: their files name the host from then on. */
  starts: readonly Omit<Ticketed, "asker">[];
  /** A host for this request alone. Default: false. */
  isOwn?: boolean;
  /** Aborted by the user's Ctrl-C. */
  cancel?: AbortSignal;
}

/** How long a host may be stopped before another is asked, in milliseconds. */
const UNTAKEN_MS = 300;
/** How long it may be stopped once it has taken the request, in milliseconds. */
const TAKEN_MS = 5000;
/** How often a lost host is replaced. */
const MOST_HOSTS = 10;

/** Throws `host-lost`, and the errors of `reachHost`. */
export async function* askHost(ground: Ground, asking: Asking): AsyncGenerator<HostWord> {
  const request = {
    ...asking.request,
    version: HOST_PROTOCOL,
    ground: hostGroundOf(ground),
    keyring: ownKeyring(),
    blocked: ownBlocked(),
  } as HostAsk;
  let kind: string | null = asking.isOwn === true || !canReadInherited ? null : "";
  for (let hosts = 1; ; hosts++) {
    const answers = converse(ground, { asking, request, kind });
    let isLike = true;
    for await (const word of answers) {
      if (word.is === "over") return;
      if (word.is === "unlike") {
        // Another host, for callers that are like this one.
        kind = kind === "" && !word.isOwn ? callerKind(request.keyring) : null;
        isLike = false;
        break;
      }
      // A host that refuses a request leaves its starts alone: nobody is to wait for them.
      if (word.is === "failed") for (const start of asking.starts) dropTicket(ground, start);
      yield word;
    }
    if (!isLike || hosts < MOST_HOSTS) continue;
    for (const start of asking.starts) leaveTicket(ground, start);
    throw hostLost(ground, onlyKeyOf(asking));
  }
}

async function* converse(
  ground: Ground,
  { asking, request, kind }: { asking: Asking; request: HostAsk; kind: string | null },
): AsyncGenerator<HostWord> {
  const line = await reachHost(ground, { kind, env: request.env });
  if (line === null) return;
  for (const start of asking.starts) nameHost(ground, { start, pid: line.pid });
  line.send(withoutEnv(request));
  const onCancel = () => line.send({ is: "cancel" });
  if (asking.cancel?.aborted) onCancel();
  else asking.cancel?.addEventListener("abort", onCancel);
  let isTaken = false;
  const mostMs = () => (isTaken && asking.cancel?.aborted !== true ? TAKEN_MS : UNTAKEN_MS);
  const suspended = watchSuspended(ground.table, { pid: line.pid, mostMs });
  const words = line.words();
  try {
    for (;;) {
      const next = await Promise.race([words.next(), suspended.is]);
      if (next === undefined && (isTaken || asking.cancel?.aborted)) throw hostStopped(asking, line.pid);
      if (next === undefined) yield noteFor(request, `the host (pid ${line.pid}) is stopped: another is asked`);
      if (next === undefined || next.done === true) return;
      if (next.value.is === "taken") isTaken = true;
      else yield next.value;
    }
  } finally {
    suspended.close();
    // A launch that is there is not cancelled by a Ctrl-C that means the next one (of several restarts, or of the needs
    // of a command).
    asking.cancel?.removeEventListener("abort", onCancel);
    line.close();
  }
}

function noteFor({ is }: HostAsk, text: string): HostWord {
  const event = { is: "note", text } as const;
  return is === "up" ? { is: "launch", key: "", event } : event;
}

/** Null: several, or none. */
function onlyKeyOf({ starts }: Asking): string | null {
  return starts.length === 1 ? (starts[0]?.key ?? null) : null;
}

export function isHostStopped(error: unknown): error is DtError {
  return error instanceof DtError && error.code === "host-stopped";
}

/** Its request, and a Ctrl-C, are with the host, or will be when it goes on. */
function hostStopped(asking: Asking, pid: number): DtError {
  const key = onlyKeyOf(asking);
  const what = key ?? "what it was asked for";
  const isCancelled = asking.cancel?.aborted === true;
  return new DtError(
    "host-stopped",
    `The host (pid ${pid}) is stopped, so it ${isCancelled ? "gives up" : "goes on with"} ${what} only when it goes on itself.`,
    {
      status: isCancelled ? EXIT.interrupted : EXIT.timeout,
      hint: `kill -CONT ${pid}    or, to end what there is of it: dt ${key === null ? "down" : `stop ${key}`}`,
      details: { pid },
    },
  );
}

/** The environment goes once, and not with each spec that has the same. */
function withoutEnv(request: HostAsk): CallerWord {
  const { env } = request;
  const strip = <T extends { env?: Record<string, string> }>(spec: T): T =>
    spec.env === env ? { ...spec, env: undefined } : spec;
  if (request.is === "start") return { ...request, spec: strip(request.spec) };
  if (request.is !== "up") return request;
  const nodes = request.nodes.map((node) => ({ ...node, run: { ...node.run, spec: strip(node.run.spec) } }));
  return { ...request, nodes: nodes as typeof request.nodes };
}
