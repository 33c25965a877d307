/**
 * A host's side of its callers' connections (supervisor/callers/wire.ts). A request is judged first: who asks, whether
 * this dt can read it, and whether the host can start what it asks for as the caller would.
 */
import { DtError, EXIT } from "../../sys/base/error.ts";
import { ownInheritance, unlikeness } from "../../sys/inherit/inheritance.ts";
import { type Inherited, mayHaveLineage, readInherited } from "../../sys/inherit/inherited.ts";
import { ownKeyring } from "../../sys/inherit/keyring.ts";
import type { LineConnection, LineHandlers } from "../../sys/net/line.ts";
import type { Peer } from "../../sys/net/peer.ts";
import { ownUid } from "../../sys/places/ownplace.ts";
import { type CallerWord, HOST_PROTOCOL, type HostAsk, type HostWord, LONGEST_REQUEST } from "../callers/wire.ts";
import { toFailure } from "../launch/failure.ts";

/** One connection whose request was taken. */
export interface Caller {
  /** False when the caller is gone. */
  tell(word: HostWord): boolean;
  /** Says that nothing more is said, and ends the connection. */
  end(): void;
  /** Aborted by the user's Ctrl-C. */
  cancel: AbortSignal;
  /** What its processes inherit; null where that cannot be read. */
  inherits: Inherited | null;
}

export interface Callers {
  accept(line: LineConnection, peer: Peer | null): LineHandlers | null;
  /** Connections that are open. */
  count(): number;
  /** Those that have not asked yet. */
  waiting(): number;
  /** Everything said is with the kernel. */
  flushed(): Promise<unknown>;
}

interface Given {
  /** The host was made for one caller: it starts everything as that one would. */
  isOwn: boolean;
  isLeaving(): boolean;
  onRequest(request: HostAsk, caller: Caller): void;
  /** Nothing is begun of it here. */
  onDeclined(request: HostAsk): void;
  /** A connection has ended. */
  onGone(): void;
}

export function makeCallers(given: Given): Callers {
  const open = new Set<LineConnection>();
  const unasked = new Set<LineConnection>();
  return {
    accept(line, peer) {
      if (peer?.uid !== ownUid() || given.isLeaving()) return null;
      open.add(line);
      unasked.add(line);
      line.send({ is: "hello", version: HOST_PROTOCOL, pid: process.pid } satisfies HostWord);
      const onGone = () => {
        unasked.delete(line);
        if (open.delete(line)) given.onGone();
      };
      return listenTo(line, { ...given, peer, onGone, onAsked: () => void unasked.delete(line) });
    },
    count: () => open.size,
    waiting: () => unasked.size,
    flushed: () => Promise.all([...open].map((line) => line.flushed())),
  };
}

function listenTo(line: LineConnection, { peer, ...given }: Given & { peer: Peer; onAsked(): void }): LineHandlers {
  const cancel = new AbortController();
  let isOpen = true;
  let isAsked = false;
  const tell = (word: HostWord) => isOpen && line.send(word);
  const refuse = (error: DtError) => {
    tell({ is: "failed", error: toFailure(error) });
    line.close();
  };
  const take = (request: HostAsk) => {
    if (request.version !== HOST_PROTOCOL)
      return refuse(wrong(`one of version ${HOST_PROTOCOL}`, `version ${request.version}`));
    const seen = readInherited(peer.pid ?? 0);
    const inherits = seen === null ? null : { ...seen, blocked: request.blocked };
    const unlike = given.isOwn ? null : whatIsUnlike(inherits, request.keyring);
    if (unlike !== null) {
      given.onDeclined(request);
      return void (tell({ is: "unlike", ...unlike }) && line.close());
    }
    const end = () => void (tell({ is: "over" }) && line.close());
    given.onRequest(request, { tell, end, cancel: cancel.signal, inherits });
  };
  /**
   * Its caller may have been killed, or have asked another host while this one was stopped: before it could say that it
   * takes the request, or at the very instant.
   */
  const ifAwaited = (request: HostAsk, act: () => void) => {
    if (!isOpen) given.onDeclined(request);
    else if (given.isLeaving()) line.close();
    else act();
  };
  const takeIfAwaited = (request: HostAsk) =>
    ifAwaited(request, () => {
      if (!tell({ is: "taken" })) given.onDeclined(request);
      else
        setImmediate(ifAwaited, request, () => {
          take(request);
          given.onAsked();
        });
    });
  return {
    onMessage(message) {
      const word = message as CallerWord;
      if (word?.is === "cancel") cancel.abort();
      else if (given.isLeaving()) line.close();
      else if (isAsked || !isRequest(message)) refuse(wrong("start, up, adopt or cancel", JSON.stringify(word)));
      else {
        isAsked = true;
        setImmediate(takeIfAwaited, message);
      }
    },
    onGarbage: (what) => refuse(garbage(what)),
    onClose() {
      isOpen = false;
      given.onGone();
    },
  };
}

const MASK = /^[0-9a-f]{1,16}$/;

/** dt wrote it, if it is of this version: what is looked at is that it is one. */
function isRequest(message: unknown): message is HostAsk {
  const { is, ground, env, blocked, ...more } = (message ?? {}) as Partial<Record<string, unknown>>;
  if (typeof blocked !== "string" || !MASK.test(blocked)) return false;
  if (typeof ground !== "object" || ground === null || typeof env !== "object" || env === null) return false;
  if (is === "start") return typeof more.spec === "object" && more.spec !== null;
  return is === "up" ? Array.isArray(more.nodes) : is === "adopt";
}

/**
 * Without a lineage an orphan that shows nothing else can only be told by the host that it falls to: then each launch
 * has a host of its own.
 */
function whatIsUnlike(asker: Inherited | null, keyring: number): { what: string; isOwn: boolean } | null {
  const own = ownInheritance();
  if (asker === null || own === null) return { what: "what it passes on, which cannot be read", isOwn: true };
  if (!mayHaveLineage(asker) || !mayHaveLineage(own)) return { what: "a limit of file locks", isOwn: true };
  const what = unlikeness(asker, own) ?? (keyring === ownKeyring() ? null : "session keyring");
  return what === null ? null : { what, isOwn: false };
}

function garbage(what: "too-long" | "not-json"): DtError {
  return what === "too-long" ? wrong(`at most ${LONGEST_REQUEST} bytes`, "more") : wrong("a line of JSON", "no JSON");
}

const LONGEST_SHOWN = 80;

function wrong(expected: string, came: string): DtError {
  return new DtError(
    "host-request",
    `The root's host expected a request with ${expected}, but got ${came.slice(0, LONGEST_SHOWN)}.`,
    { status: EXIT.internal },
  );
}
