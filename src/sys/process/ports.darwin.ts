/**
 * Finds which process listens on which TCP port, from the open sockets of each process. Other users' sockets are
 * hidden; the kernel's own list shows that one is there, but not which process holds it.
 *
 * Known limit: macOS 27 may leave other programs' sockets out of that list without an error (depending on the caller's
 * code signature); another user's listener then looks like none.
 */
import type { ListeningPort, PortListener } from "./identity.ts";
import {
  decodeDescriptors,
  decodeListener,
  decodeListeningPorts,
  FDINFO_SIZE,
  PROX_FDTYPE_SOCKET,
  SOCKET_FDINFO_SIZE,
} from "./layout.darwin.ts";
import { descriptorInfo, listPids, PROC_ALL_PIDS, pidInfoList, sysctlByName } from "./libproc.darwin.ts";

/** XNU bsd/sys/proc_info.h */
const PROC_PIDLISTFDS = 1;
const PROC_PIDFDSOCKETINFO = 3;

function listenersOf(pid: number): { port: number; address: string; onlyIpv6: boolean }[] {
  const list = pidInfoList(pid, PROC_PIDLISTFDS, FDINFO_SIZE);
  if (typeof list === "number") return []; // gone, or another user's
  return decodeDescriptors(list, PROX_FDTYPE_SOCKET).flatMap((fd) => {
    const info = descriptorInfo(pid, fd, PROC_PIDFDSOCKETINFO, SOCKET_FDINFO_SIZE);
    return (info === null ? null : decodeListener(info)) ?? [];
  });
}

export function listeningPorts(pids: Iterable<number>): ListeningPort[] {
  return [...pids].flatMap((pid) => {
    // One socket may be open under several descriptors.
    const found = new Map(listenersOf(pid).map((listener) => [`${listener.port} ${listener.address}`, listener]));
    return [...found.values()].map(({ port, address }) => ({ port, address, pid }));
  });
}

export function listenersOn(port: number): PortListener[] {
  const found = new Map<string, PortListener>();
  for (const pid of listPids(PROC_ALL_PIDS)) {
    for (const { address, onlyIpv6 } of listenersOf(pid).filter((listener) => listener.port === port)) {
      const known = found.get(`${address} ${onlyIpv6}`);
      if (known === undefined) found.set(`${address} ${onlyIpv6}`, { address, onlyIpv6, uid: null, pids: [pid] });
      else if (!known.pids.includes(pid)) known.pids.push(pid);
    }
  }
  if (found.size > 0) return [...found.values()];
  const all = sysctlByName("net.inet.tcp.pcblist_n");
  // Another user's: neither the process nor the address can be seen, so it may be any address.
  const isThere = all !== null && decodeListeningPorts(all).has(port);
  return isThere ? [{ address: "0.0.0.0", onlyIpv6: false, uid: null, pids: [] }] : [];
}
