/** Which launch a listener belongs to, and where a launch can be reached now. */
import type { LaunchRecord } from "../../state/types.ts";
import { lazy } from "../../sys/base/lazy.ts";
import type { PortListener } from "../../sys/process/identity.ts";
import type { Ground } from "../launch/types.ts";
import { queryOf } from "../tree/query.ts";
import { findTree } from "../tree/tree.ts";
import {
  addressesToAsk,
  answeringAt,
  describeUnseen,
  isInTheWay,
  LOOPBACK_ADDRESSES,
  ownershipOf,
  type PortOwnership,
  showAddress,
} from "./listening.ts";

/** For the listeners of one moment: the tree is searched once, at the first call. */
export function makeOwnership(ground: Ground, record: LaunchRecord): (listener: PortListener) => PortOwnership {
  const members = lazy(
    () => new Set(findTree(ground.table, queryOf(ground, { record })).members.map((one) => one.identity.pid)),
  );
  return (listener) => ownershipOf(ground.table, { listener, members: members(), record });
}

export type OwnListeners =
  /**
   * `addresses`: where a connection reaches the launch; null for a stack, since the engine may listen for it anywhere.
   * `strangers`: loopback addresses of the port where another process answers. `unknown`: what to report when no
   * visible process has the port. The port is then taken for the launch's, because the launch does have a process with
   * hidden files: a stranger would have to have begun since, and to have taken this very port.
   */
  | { is: "there"; addresses: string[] | null; strangers: string[]; unknown: string | null }
  | { is: "missing"; why: string };

/** `wanted`: the addresses that count; default: wherever it listens. `why`: a phrase for the user. */
export function findOwn(
  { ground, record }: { ground: Ground; record: LaunchRecord },
  { port, wanted = null }: { port: number; wanted?: readonly string[] | null | undefined },
): OwnListeners {
  const listeners = ground.table.listenersOn(port);
  if (listeners.length === 0) return { is: "missing", why: `nothing listens on port ${port}` };
  // The engine decides which process listens for a container.
  if (record.stack !== undefined) return { is: "there", addresses: null, strangers: [], unknown: null };
  const ownership = makeOwnership(ground, record);
  const judged = listeners.map((listener) => ({ listener, is: ownership(listener) }));
  const own = judged.flatMap((one) => (one.is === "other" ? [] : [one.listener]));
  if (own.length === 0) return { is: "missing", why: describeOthers(ground, { port, listeners }) };
  const reached = (to: string) => answeringAt(listeners, to).some((one) => own.includes(one));
  const addresses = (wanted ?? addressesToAsk(own)).filter(reached);
  const strangers = LOOPBACK_ADDRESSES.filter((to) => !reached(to) && answeringAt(listeners, to).length > 0);
  if (addresses.length > 0) return { is: "there", addresses, strangers, unknown: describeUnknown(port, judged) };
  const at = own.map(({ address }) => showAddress(address, port)).join(" and ");
  return { is: "missing", why: `this launch listens only on ${at}` };
}

function describeUnknown(
  port: number,
  judged: readonly { listener: PortListener; is: PortOwnership }[],
): string | null {
  const [first] = judged.flatMap((one) => (one.is === "maybe" ? [one.listener] : []));
  if (first === undefined || judged.some((one) => one.is === "own")) return null;
  return `port ${port} is held by ${describeUnseen(first)}: it is taken for this launch's, but dt cannot tell`;
}

function describeOthers(
  { table }: Ground,
  { port, listeners }: { port: number; listeners: readonly PortListener[] },
): string {
  const parts = listeners.map((listener) => {
    const { address, pids } = listener;
    const at = isInTheWay(listener) ? `port ${port}` : showAddress(address, port);
    const who = pids.map((pid) => `pid ${pid} (${table.commandLineOf(pid)})`).join(", ");
    return `${at} is held by ${who === "" ? describeUnseen(listener) : who}, which does not belong to this launch`;
  });
  return [...new Set(parts)].join("; ");
}
