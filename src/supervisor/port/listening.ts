/**
 * Of the sockets that listen on one port, each on its own address: which are a launch's, which a connection reaches, and which are in the way of a
 * start. A port is not one thing: a name server on 127.0.0.53, another server on `[::1]` and a container's proxy on a bridge may all have it
 * beside the launch's own.
 *
 *   who has the socket open                                 it is the launch's
 *   -----------------------------------------------------   ------------------
 *   a process of its tree                                   "own"
 *   other processes alone                                   "other"
 *   nobody who can be seen, and of those processes of its user whose open files are hidden,
 *     only such of the tree, or of another launch, began
 *     since this launch                                     "own"
 *     some of the tree and some others did                  "maybe"
 *     none is of the tree                                   "other"
 */
import type { LaunchRecord } from "../../state/types.ts";
import type { PortListener, ProcessTable } from "../../sys/process/identity.ts";

export type Ownership = "own" | "maybe" | "other";

export function ownershipOf(
  table: ProcessTable,
  { pids, uid }: Pick<PortListener, "pids" | "uid">,
  members: ReadonlySet<number>,
  { leader }: Pick<LaunchRecord, "leader">,
): Ownership {
  if (pids.length > 0) return pids.some((pid) => members.has(pid)) ? "own" : "other";
  if (uid === null || leader === null) return "other";
  const hiding = table.hidingProcessesOf(uid);
  if (!hiding.some((pid) => members.has(pid))) return "other";
  const isLater = (pid: number) => Number(table.entry(pid)?.startTime ?? 0) >= Number(leader.startTime);
  // What another launch started has that one's port.
  const isNobodys = (pid: number) => typeof table.lineageOf(pid) !== "bigint";
  return hiding.some((pid) => !members.has(pid) && isLater(pid) && isNobodys(pid)) ? "maybe" : "own";
}

/** IPv6 can be written in many ways. */
function isSame(a: string, b: string): boolean {
  if (a === b || !a.includes(":") || !b.includes(":")) return a === b;
  const short = (address: string) => URL.parse(`http://[${address}]`)?.hostname ?? address;
  return short(a) === short(b);
}

/** Whether a connection to this address may come to this listener. */
function isReachedBy({ address, onlyIpv6 }: PortListener, to: string): boolean {
  if (isSame(address, to)) return true;
  return to.includes(":") ? address === "::" : address === "0.0.0.0" || (address === "::" && !onlyIpv6);
}

/** How nearly a listener's address is the one that is asked for: the kernel hands a connection to the nearest. */
function nearness({ address }: PortListener, to: string): number {
  if (isSame(address, to)) return 2;
  return address === "::" && !to.includes(":") ? 0 : 1;
}

/** Those that a connection to this address comes to: one, or several that share it. */
export function answeringAt(listeners: readonly PortListener[], to: string): PortListener[] {
  const reached = listeners.filter((one) => isReachedBy(one, to));
  const nearest = Math.max(...reached.map((one) => nearness(one, to)));
  return reached.filter((one) => nearness(one, to) === nearest);
}

export const LOOPBACK_ADDRESSES: readonly string[] = ["127.0.0.1", "::1"];

/** Where to ask a launch that listens there: loopback first, as `localhost` means it, else the addresses that it chose. */
export function addressesToAsk(own: readonly PortListener[]): string[] {
  const chosen = own.map(({ address }) => address).filter((address) => address !== "0.0.0.0" && address !== "::");
  return [...new Set([...LOOPBACK_ADDRESSES, ...chosen])];
}

/**
 * Whether it leaves no room for a server that listens as most do, on 127.0.0.1 or on all addresses. What is on another address is
 * somebody else's, and no reason to refuse a start: whoever wants that very address is told by the kernel.
 */
export function isInTheWay(listener: PortListener): boolean {
  return isReachedBy(listener, "127.0.0.1");
}

/** `127.0.0.53:53`, `[::1]:3000` */
export function showAddress(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** As a noun, for somebody whom the system hides. */
export function describeUnseen({ uid }: Pick<PortListener, "uid">): string {
  if (uid === null) return "another user's process";
  if (uid === process.geteuid?.()) return "a process of this user that hides what it has open";
  return `another user's process (user id ${uid})`;
}
