/**
 * Asks the root's host for something, and hears what becomes of it. Before it has said everything, a host may end, or
 * be stopped. Then another is asked the same again:
 *
 *   the first host   and had                             the next host
 *   --------------   ---------------------------------   ------------------------------------------------------------
 *   is gone          begun nothing                       starts it
 *                    recorded the launch                 takes the launch over
 *                    spawned it, without a record        ends it, and starts it again
 *   is stopped       begun nothing                       starts it; the first one joins that launch if it goes on
 *                    recorded the launch                 reports it, and waits for what the first one finds out
 *                    taken the key's lock                waits for the lock, and names who holds it
 *
 * A stopped host hears no Ctrl-C: its caller ends, and says that what was begun runs on.
 */
import { DtError, EXIT } from "../../sys/base/error.ts";
import { ownBlocked } from "../../sys/inherit/blocked.ts";
import { callerKind } from "../../sys/inherit/inheritance.ts";
import { canReadInherited } from "../../sys/inherit/inherited.ts";
import { ownKeyring } from "../../sys/inherit/keyring.ts";
import type { Ground } from "../launch/types.ts";
import { nameHost } from "../ticket/namehost.ts";
import { dropTicket, type Ticketed } from "../ticket/ticket.ts";
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
    for (const start of asking.starts) dropTicket(ground, start);
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
  const suspended = watchSuspended(ground.table, line.pid);
  const words = line.words();
  try {
    for (;;) {
      const next = await Promise.race([words.next(), suspended.is]);
      if (next === undefined && asking.cancel?.aborted) throw hostStopped(asking, line.pid);
      if (next === undefined) yield noteFor(request, `the host (pid ${line.pid}) is stopped: another is asked`);
      if (next === undefined || next.done === true) return;
      yield next.value;
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

function hostStopped(asking: Asking, pid: number): DtError {
  const key = onlyKeyOf(asking);
  return new DtError(
    "interrupted",
    `The host (pid ${pid}) is stopped, and hears no Ctrl-C: what it has begun${key === null ? "" : ` of ${key}`} runs on.`,
    {
      status: EXIT.interrupted,
      hint: `\`dt ${key === null ? "down" : `stop ${key}`}\` ends it; \`kill -CONT ${pid}\` lets the host go on.`,
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
