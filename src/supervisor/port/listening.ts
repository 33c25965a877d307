/**
 * Judges the sockets that listen on one port, each on its own address: which belong to a launch, which one a connection
 * reaches, and which are in the way of a start. A port is not one thing: a name server on 127.0.0.53, another server on
 * `[::1]` and a container's proxy on a bridge may all have it beside the launch's own.
 *
 *   who has the socket open                                 it belongs to the launch
 *   -----------------------------------------------------   ------------------------
 *   a process of its tree                                   "own"
 *   only other processes                                    "other"
 *   no visible process; of the processes of the socket's
 *     user whose open files are hidden,
 *     only those of the tree, or of another launch, began
 *     since this launch                                     "own"
 *     some of the tree and some others did                  "maybe"
 *     none is in the tree                                   "other"
 */
import type { LaunchRecord } from "../../state/types.ts";
import type { PortListener, ProcessTable } from "../../sys/process/identity.ts";

export type PortOwnership = "own" | "maybe" | "other";

interface OwnershipQuery {
  listener: Pick<PortListener, "pids" | "uid">;
  members: ReadonlySet<number>;
  record: Pick<LaunchRecord, "leader">;
}

export function ownershipOf(
  table: ProcessTable,
  { listener: { pids, uid }, members, record: { leader } }: OwnershipQuery,
): PortOwnership {
  if (pids.length > 0) return pids.some((pid) => members.has(pid)) ? "own" : "other";
  if (uid === null || leader === null) return "other";
  const hiding = table.hidingProcessesOf(uid);
  if (!hiding.some((pid) => members.has(pid))) return "other";
  const isLater = (pid: number) => Number(table.entry(pid)?.startTime ?? 0) >= Number(leader.startTime);
  // A process of another launch has that launch's port.
  const isNobodys = (pid: number) => typeof table.lineageOf(pid) !== "bigint";
  return hiding.some((pid) => !members.has(pid) && isLater(pid) && isNobodys(pid)) ? "maybe" : "own";
}

/** One IPv6 address can be written in many ways. */
function isSame(a: string, b: string): boolean {
  if (a === b || !a.includes(":") || !b.includes(":")) return a === b;
  const short = (address: string) => URL.parse(`http://[${address}]`)?.hostname ?? address;
  return short(a) === short(b);
}

/** Whether a connection to this address may reach this listener. */
function isReachedBy({ address, onlyIpv6 }: PortListener, to: string): boolean {
  if (isSame(address, to)) return true;
  return to.includes(":") ? address === "::" : address === "0.0.0.0" || (address === "::" && !onlyIpv6);
}

/** How closely a listener's address matches the requested one: the kernel gives a connection to the closest match. */
function nearness({ address }: PortListener, to: string): number {
  if (isSame(address, to)) return 2;
  return address === "::" && !to.includes(":") ? 0 : 1;
}

/** The listeners that a connection to this address reaches: one, or several that share the address. */
export function answeringAt(listeners: readonly PortListener[], to: string): PortListener[] {
  const reached = listeners.filter((one) => isReachedBy(one, to));
  const nearest = Math.max(...reached.map((one) => nearness(one, to)));
  return reached.filter((one) => nearness(one, to) === nearest);
}

export const LOOPBACK_ADDRESSES: readonly string[] = ["127.0.0.1", "::1"];

/**
 * Where to ask a launch that listens there: loopback first, as `localhost` means it, then the addresses that it chose
 * itself.
 */
export function addressesToAsk(own: readonly PortListener[]): string[] {
  const chosen = own.map(({ address }) => address).filter((address) => address !== "0.0.0.0" && address !== "::");
  return [...new Set([...LOOPBACK_ADDRESSES, ...chosen])];
}

/**
 * Whether it blocks a server that listens as most do, on 127.0.0.1 or on all addresses. A listener on another address
 * is no reason to refuse a start: if the launch wants that very address, the kernel tells it so.
 */
export function isInTheWay(listener: PortListener): boolean {
  return isReachedBy(listener, "127.0.0.1");
}

/** `127.0.0.53:53`, `[::1]:3000` */
export function showAddress(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** A noun phrase for a listener whose process the system hides. */
export function describeUnseen({ uid }: Pick<PortListener, "uid">): string {
  if (uid === null) return "another user's process";
  if (uid === process.geteuid?.()) return "a process of this user whose open files are hidden";
  return `another user's process (user id ${uid})`;
}
