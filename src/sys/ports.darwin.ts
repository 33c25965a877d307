/**
 * Who listens on which TCP port, from the open sockets of each process. Other users' sockets cannot be seen; that there
 * is one is known from the kernel's own list, which has no holders.
 *
 * Known limit: macOS 27 may leave other programs' sockets out of that list without an error (by the signature of who
 * asks); another user's listener then looks like none.
 */
import type { ListeningPort } from "./identity.ts";
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

function listenersOf(pid: number): { port: number; address: string }[] {
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

export function listenersOn(port: number): number[] | null {
  const holders = listPids(PROC_ALL_PIDS).filter((pid) => listenersOf(pid).some((listener) => listener.port === port));
  if (holders.length > 0) return holders;
  const all = sysctlByName("net.inet.tcp.pcblist_n");
  return all !== null && decodeListeningPorts(all).has(port) ? null : [];
}
