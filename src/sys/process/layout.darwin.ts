/**
 * The layout of what the macOS kernel writes into the buffers of libproc and sysctl: offsets and sizes of the LP64
 * structs, the same on arm64 and x64, and pure functions from bytes to facts. All numbers are little-endian except
 * ports and addresses.
 */
import type { ProcessEntry } from "./identity.ts";

/** struct proc_bsdinfo, XNU bsd/sys/proc_info.h */
export const BSDINFO_SIZE = 136;
const PBI_STATUS = 4;
const PBI_PID = 12;
const PBI_PPID = 16;
const PBI_UID = 20;
const PBI_COMM = 48;
const PBI_COMM_SIZE = 16;
const PBI_PGID = 100;
const PBI_START_TVSEC = 120;
const PBI_START_TVUSEC = 128;

/** struct kinfo_proc, XNU bsd/sys/sysctl.h, with struct extern_proc, bsd/sys/proc.h */
const KINFO_SIZE = 648;
const P_STARTTIME_SEC = 0;
const P_STARTTIME_USEC = 8;
const P_STAT = 36;
const P_PID = 40;
const P_COMM = 243;
const P_COMM_SIZE = 17;
const E_PPID = 560;
const E_PGID = 564;

/** struct proc_uniqidentifierinfo, XNU bsd/sys/proc_info_private.h */
export const UNIQIDENTIFIERINFO_SIZE = 56;
const P_IDVERSION = 32;

/** struct proc_fdinfo, XNU bsd/sys/proc_info.h */
export const FDINFO_SIZE = 8;
const PROC_FDTYPE = 4;
export const PROX_FDTYPE_VNODE = 1;
export const PROX_FDTYPE_SOCKET = 2;

/** struct vnode_fdinfo, XNU bsd/sys/proc_info.h; FWRITE, bsd/sys/fcntl.h */
export const VNODE_FDINFO_SIZE = 176;
const FI_OPENFLAGS = 0;
const VST_DEV = 24;
const VST_INO = 32;
const FWRITE = 2;

/** struct socket_fdinfo with struct tcp_sockinfo in its union, XNU bsd/sys/proc_info.h */
export const SOCKET_FDINFO_SIZE = 792;
const SOI_KIND = 256;
const INSI_LPORT = 268;
const INSI_VFLAG = 288;
const INSI_LADDR = 312;
const I46A_ADDR4 = 12;
const TCPSI_STATE = 344;
const SOCKINFO_TCP = 2;
const TSI_S_LISTEN = 1;
const INI_IPV4 = 1;
const INI_IPV6 = 2;

/**
 * Chunks of net.inet.tcp.pcblist_n, each starting with its length and kind: XNU bsd/sys/socketvar.h, netinet/in_pcb.h,
 * tcp_var.h
 */
const XINPGEN_SIZE = 24;
const XSO_INPCB = 0x10;
const XSO_TCPCB = 0x20;
const XI_LPORT = 18;
const XT_STATE = 36;

/** p_stat, XNU bsd/sys/proc.h, as the letters that `ProcessEntry.state` uses: SIDL, SRUN, SSLEEP, SSTOP, SZOMB. */
const STATES = ["?", "I", "R", "S", "T", "Z"];

type Entry = Omit<ProcessEntry, "sid">;

export function decodeBsdInfo(bytes: Buffer): Entry {
  return {
    pid: bytes.readInt32LE(PBI_PID),
    ppid: bytes.readInt32LE(PBI_PPID),
    pgid: bytes.readInt32LE(PBI_PGID),
    startTime: microseconds(bytes.readBigUInt64LE(PBI_START_TVSEC), bytes.readBigUInt64LE(PBI_START_TVUSEC)),
    state: STATES[bytes.readUInt32LE(PBI_STATUS)] ?? "?",
    comm: textAt(bytes, { at: PBI_COMM, size: PBI_COMM_SIZE }),
  };
}

/** The user id, from the same answer as `decodeBsdInfo`. */
export function decodeUid(bytes: Buffer): number {
  return bytes.readUInt32LE(PBI_UID);
}

/** The answer of sysctl KERN_PROC: one struct after another. */
export function decodeKinfoProcs(bytes: Buffer): Entry[] {
  return Array.from({ length: Math.floor(bytes.length / KINFO_SIZE) }, (_, index) => {
    const one = bytes.subarray(index * KINFO_SIZE, (index + 1) * KINFO_SIZE);
    return {
      pid: one.readInt32LE(P_PID),
      ppid: one.readInt32LE(E_PPID),
      pgid: one.readInt32LE(E_PGID),
      startTime: microseconds(one.readBigUInt64LE(P_STARTTIME_SEC), BigInt(one.readUInt32LE(P_STARTTIME_USEC))),
      state: STATES[one.readUInt8(P_STAT)] ?? "?",
      comm: textAt(one, { at: P_COMM, size: P_COMM_SIZE }),
    };
  });
}

/** Increases with every fork and exec on the whole system, so it names one program run of one process. */
export function decodePidVersion(bytes: Buffer): number {
  return bytes.readUInt32LE(P_IDVERSION);
}

export interface ProcessArguments {
  argv: string[];
  /** The strings after the arguments: the environment, then the kernel's own hints. Empty when withheld. */
  strings: string[];
}

/**
 * The answer of sysctl KERN_PROCARGS2: argc, the program's path, padding, argv, environment. An empty argv[0] looks
 * like padding and shifts the rest by one, so the first variable is taken for an argument.
 */
export function decodeArguments(bytes: Buffer): ProcessArguments | null {
  if (bytes.length < 4) return null;
  const argc = bytes.readInt32LE(0);
  let at = bytes.indexOf(0, 4);
  if (argc < 0 || at < 0) return null;
  while (bytes[at] === 0) at++;
  const strings = at < bytes.length ? bytes.toString("utf8", at).split("\0") : [];
  return { argv: strings.slice(0, argc), strings: strings.slice(argc).filter((text) => text !== "") };
}

/** Null when not set; undefined when there was no environment to search. */
export function findVariable(strings: string[], name: string): string | null | undefined {
  if (strings.length === 0) return undefined;
  const found = strings.find((text) => text.startsWith(`${name}=`));
  return found === undefined ? null : found.slice(name.length + 1);
}

/** The descriptors of one type in the answer of PROC_PIDLISTFDS. */
export function decodeDescriptors(bytes: Buffer, type: number): number[] {
  const found: number[] = [];
  for (let at = 0; at + FDINFO_SIZE <= bytes.length; at += FDINFO_SIZE) {
    if (bytes.readUInt32LE(at + PROC_FDTYPE) === type) found.push(bytes.readInt32LE(at));
  }
  return found;
}

/**
 * `dev_t` is a signed 32-bit number, and callers may have it from stat signed or unsigned. It is returned unsigned and
 * must be compared unsigned.
 */
export function decodeOpenFile(bytes: Buffer): { dev: number; ino: number; writable: boolean } {
  return {
    dev: bytes.readUInt32LE(VST_DEV),
    ino: Number(bytes.readBigUInt64LE(VST_INO)),
    writable: (bytes.readUInt32LE(FI_OPENFLAGS) & FWRITE) !== 0,
  };
}

/** A listening TCP socket; null for any other socket. */
export function decodeListener(bytes: Buffer): { port: number; address: string; onlyIpv6: boolean } | null {
  if (bytes.readInt32LE(SOI_KIND) !== SOCKINFO_TCP || bytes.readInt32LE(TCPSI_STATE) !== TSI_S_LISTEN) return null;
  const address = bytes.subarray(INSI_LADDR, INSI_LADDR + 16);
  // A socket of both families has both flags, and its address is an IPv6 address.
  const families = bytes.readUInt8(INSI_VFLAG);
  const isIpv6 = (families & INI_IPV6) !== 0;
  return {
    onlyIpv6: isIpv6 && (families & INI_IPV4) === 0,
    port: bytes.readUInt16BE(INSI_LPORT),
    address: isIpv6 ? ipv6Text(address) : [...address.subarray(I46A_ADDR4)].join("."),
  };
}

/**
 * The ports that any process listens on, from net.inet.tcp.pcblist_n: a head, chunks padded to 8 bytes, a foot like the
 * head.
 */
export function decodeListeningPorts(bytes: Buffer): Set<number> {
  const ports = new Set<number>();
  let port = 0;
  for (let at = XINPGEN_SIZE; at + 8 <= bytes.length; ) {
    const length = bytes.readUInt32LE(at);
    const kind = bytes.readUInt32LE(at + 4);
    if (length <= XINPGEN_SIZE || at + length > bytes.length) break;
    if (kind === XSO_INPCB) port = bytes.readUInt16BE(at + XI_LPORT);
    if (kind === XSO_TCPCB && length > XT_STATE && bytes.readInt32LE(at + XT_STATE) === TSI_S_LISTEN) ports.add(port);
    at += Math.ceil(length / 8) * 8;
  }
  return ports;
}

export function textAt(bytes: Buffer, { at, size }: { at: number; size: number }): string {
  const end = bytes.subarray(at, at + size).indexOf(0);
  return bytes.toString("utf8", at, at + (end < 0 ? size : end));
}

function microseconds(seconds: bigint, fraction: bigint): string {
  return String(seconds * 1_000_000n + fraction);
}

/** Written as in ports.linux.ts: "any", loopback, IPv4 in IPv6, and the rest in full. */
function ipv6Text(bytes: Buffer): string {
  const hex = bytes.toString("hex");
  if (/^0{32}$/.test(hex)) return "::";
  if (/^0{31}1$/.test(hex)) return "::1";
  if (/^0{20}f{4}/.test(hex)) return [...bytes.subarray(12)].join(".");
  return (hex.match(/.{4}/g) ?? []).join(":");
}
