/**
 * Asks the root's host for something, and hears what becomes of it. A host that ends before it has said everything is
 * replaced by another, which is asked the same again. A launch that the first one had recorded for this very start is
 * taken over; one that it had only spawned is ended, and started again.
 */

import { ownBlocked } from "../../sys/inherit/blocked.ts";
import { callerKind } from "../../sys/inherit/inheritance.ts";
import { canReadInherited } from "../../sys/inherit/inherited.ts";
import { ownKeyring } from "../../sys/inherit/keyring.ts";
import type { Ground } from "../launch/types.ts";
import { nameHost } from "../ticket/namehost.ts";
import { dropTicket, type Ticketed } from "../ticket/ticket.ts";
import { hostLost, reachHost } from "./reach.ts";
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
    if (isLike && hosts >= MOST_HOSTS)
      throw hostLost(ground, asking.starts.length === 1 ? (asking.starts[0]?.key ?? null) : null);
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
  try {
    yield* line.words();
  } finally {
    // A launch that is there is not cancelled by a Ctrl-C that means the next one (of several restarts, or of the needs
    // of a command).
    asking.cancel?.removeEventListener("abort", onCancel);
    line.close();
  }
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
