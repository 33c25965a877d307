/**
 * Finds which process listens on which TCP port, IPv4 and IPv6: the kernel's listening sockets, and the socket inodes
 * in /proc/PID/fd.
 *
 * Known limit: the kernel hides the open files of other users' processes, and of one's own that gained privileges from
 * their file (capabilities, setuid) or asked for it (`PR_SET_DUMPABLE`). For their sockets it shows only the user.
 */
import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { errnoOf } from "../base/error.ts";
import type { ListeningPort, PortListener } from "./identity.ts";
import { readListeningSockets } from "./sockdiag.linux.ts";

const LISTEN = "0A";

interface Listener {
  port: number;
  address: string;
  onlyIpv6: boolean;
  uid: number;
  inode: string;
}

function readListeners(): Listener[] {
  const sockets = readListeningSockets();
  if (sockets === null) return readListenersOfProc();
  return sockets.map((socket) => ({ ...socket, address: formatAddress([...socket.address]) }));
}

function readListenersOfProc(): Listener[] {
  return ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((file) => {
    let text: string;
    try {
      text = readFileSync(file, "latin1");
    } catch {
      return []; // no IPv6
    }
    return text
      .split("\n")
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === LISTEN)
      .map((fields) => {
        const [address = "", port = "0"] = (fields[1] ?? "").split(":");
        const [uid, inode] = [Number(fields[7]), fields[9] ?? ""];
        return { port: Number.parseInt(port, 16), address: decodeAddress(address), onlyIpv6: false, uid, inode };
      });
  });
}

/** /proc prints each 32-bit word in host order. */
function decodeAddress(hex: string): string {
  const words = hex.match(/.{8}/g) ?? [];
  return formatAddress(
    words.flatMap((word) => (word.match(/../g) ?? []).reverse().map((byte) => Number.parseInt(byte, 16))),
  );
}

/** Users need to tell "any" and loopback from the rest; other IPv6 addresses are written out in full. */
function formatAddress(bytes: number[]): string {
  if (bytes.length === 4) return bytes.join(".");
  if (bytes.every((byte) => byte === 0)) return "::";
  if (bytes.slice(0, 15).every((byte) => byte === 0) && bytes[15] === 1) return "::1";
  if (bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255) return bytes.slice(12).join(".");
  const hex = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return (hex.match(/.{4}/g) ?? []).join(":");
}

/** Beyond this, a listing costs little beside the descriptors. */
const MOST_DENSE = 8;

function socketInodesOf(pid: number): Set<string> {
  const directory = `/proc/${pid}/fd`;
  const inodes = new Set<string>();
  const read = (fd: number | string): boolean => {
    try {
      const target = readlinkSync(`${directory}/${fd}`);
      if (target.startsWith("socket:[")) inodes.add(target.slice(8, -1));
      return true;
    } catch {
      return false; // closed meanwhile, or not a descriptor
    }
  };
  try {
    // Linux 6.2 and later give their count as the directory's size. Most processes have the first ones and no others.
    const { size } = statSync(directory);
    let dense = 0;
    if (size <= MOST_DENSE) while (dense < size && read(dense)) dense++;
    if (size === 0 || dense < size) for (const fd of readdirSync(directory)) read(fd);
  } catch {
    // gone, or another user's
  }
  return inodes;
}

export function listeningPorts(pids: Iterable<number>): ListeningPort[] {
  const listeners = readListeners();
  if (listeners.length === 0) return [];
  const byInode = new Map(listeners.map((listener) => [listener.inode, listener]));
  const found: ListeningPort[] = [];
  for (const pid of pids) {
    for (const inode of socketInodesOf(pid)) {
      const listener = byInode.get(inode);
      if (listener !== undefined) found.push({ port: listener.port, address: listener.address, pid });
    }
  }
  return found;
}

export function listenersOn(port: number): PortListener[] {
  const listeners = readListeners().filter((listener) => listener.port === port);
  if (listeners.length === 0) return [];
  const holders = new Map(listeners.map(({ inode }) => [inode, [] as number[]]));
  for (const pid of readdirSync("/proc").map(Number).filter(Number.isInteger))
    for (const inode of socketInodesOf(pid)) holders.get(inode)?.push(pid);
  return listeners.map(({ address, onlyIpv6, uid, inode }) => ({
    address,
    onlyIpv6,
    uid,
    pids: holders.get(inode) ?? [],
  }));
}

export function hidingProcessesOf(uid: number): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && hidesFiles(pid) && isOfUser(pid, uid));
}

function hidesFiles(pid: number): boolean {
  try {
    readdirSync(`/proc/${pid}/fd`);
    return false;
  } catch (error) {
    return errnoOf(error) === "EACCES" || errnoOf(error) === "EPERM";
  }
}

/**
 * Compares all four user ids: a privileged program has several. The kernel's own threads, and zombies, have nothing
 * open.
 */
function isOfUser(pid: number, uid: number): boolean {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    const ids = /^Uid:\s+(.*)$/m.exec(status)?.[1] ?? "";
    return /^VmSize:/m.test(status) && ids.split(/\s+/).map(Number).includes(uid);
  } catch {
    return false; // gone
  }
}
