/**
 * Asks the kernel for the listening TCP sockets only (`sock_diag`, as `ss -ltn` does). That takes microseconds; each
 * read of /proc/net/tcp walks the table of all connections: milliseconds on a machine with much memory.
 *
 * Known limit: a kernel or sandbox without it gives no answer: then null, and the caller reads /proc.
 */
import { closeSync } from "node:fs";
import { libc, ptr } from "../ffi/libc.ts";

export interface ListeningSocket {
  port: number;
  /** In network order: 4 or 16 bytes. */
  address: Uint8Array;
  /** Whether an IPv6 socket takes no IPv4 connections. */
  onlyIpv6: boolean;
  /** The user whose process made it. */
  uid: number;
  inode: string;
}

/** From <sys/socket.h>. */
const AF_INET = 2;
const AF_INET6 = 10;
const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
/** From <linux/netlink.h> and <linux/sock_diag.h>: netlink(7), sock_diag(7). */
const NETLINK_SOCK_DIAG = 4;
const SOCK_DIAG_BY_FAMILY = 20;
const NLM_F_REQUEST = 1;
const NLM_F_DUMP = 0x300;
const NLM_F_DUMP_INTR = 0x10;
const NLMSG_DONE = 3;
/** From <netinet/in.h> and <netinet/tcp.h>. */
const IPPROTO_TCP = 6;
const TCP_LISTEN = 10;

/** `nlmsghdr`, <linux/netlink.h>, then `inet_diag_req_v2`, <linux/inet_diag.h>. */
const HEADER_BYTES = 16;
const REQUEST_BYTES = HEADER_BYTES + 56;
/** Offsets of the fields of `inet_diag_msg`, counted from the message's header. */
const PORT_AT = HEADER_BYTES + 4;
const ADDRESS_AT = HEADER_BYTES + 8;
const UID_AT = HEADER_BYTES + 64;
const INODE_AT = HEADER_BYTES + 68;
/** After that: attributes, each a length and a type (16 bits each), then its bytes. */
const ATTRIBUTES_AT = HEADER_BYTES + 72;
const INET_DIAG_SKV6ONLY = 11;
const ANSWER_BYTES = 32 * 1024;

/** Null when the kernel gives no answer, or its table changed during the answer. */
export function readListeningSockets(): ListeningSocket[] | null {
  const fd = libc().socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  if (fd < 0) return null;
  try {
    const four = dumpFamily(fd, AF_INET);
    const six = four === null ? null : dumpFamily(fd, AF_INET6);
    return four === null || six === null ? null : [...four, ...six];
  } finally {
    closeSync(fd);
  }
}

function dumpFamily(fd: number, family: number): ListeningSocket[] | null {
  const request = new DataView(new ArrayBuffer(REQUEST_BYTES));
  request.setUint32(0, REQUEST_BYTES, true);
  request.setUint16(4, SOCK_DIAG_BY_FAMILY, true);
  request.setUint16(6, NLM_F_REQUEST | NLM_F_DUMP, true);
  request.setUint8(HEADER_BYTES, family);
  request.setUint8(HEADER_BYTES + 1, IPPROTO_TCP);
  request.setUint32(HEADER_BYTES + 4, 1 << TCP_LISTEN, true);
  if (Number(libc().send(fd, ptr(request), REQUEST_BYTES, 0)) !== REQUEST_BYTES) return null;

  const found: ListeningSocket[] = [];
  const answer = new Uint8Array(ANSWER_BYTES);
  const view = new DataView(answer.buffer);
  for (;;) {
    const length = Number(libc().recv(fd, ptr(answer), ANSWER_BYTES, 0));
    if (length < HEADER_BYTES) return null;
    for (let at = 0; at + HEADER_BYTES <= length; ) {
      const size = view.getUint32(at, true);
      const type = view.getUint16(at + 4, true);
      if ((view.getUint16(at + 6, true) & NLM_F_DUMP_INTR) !== 0) return null;
      if (type === NLMSG_DONE) return found;
      if (type !== SOCK_DIAG_BY_FAMILY || size < INODE_AT + 4) return null;
      found.push({
        port: view.getUint16(at + PORT_AT),
        address: answer.slice(at + ADDRESS_AT, at + ADDRESS_AT + (family === AF_INET ? 4 : 16)),
        onlyIpv6: family === AF_INET6 && isOnlyIpv6(view, { from: at + ATTRIBUTES_AT, end: at + size }),
        uid: view.getUint32(at + UID_AT, true),
        inode: String(view.getUint32(at + INODE_AT, true)),
      });
      at += (size + 3) & ~3;
    }
  }
}

/** False when the kernel does not say: then it may take IPv4 too. */
function isOnlyIpv6(view: DataView, { from, end }: { from: number; end: number }): boolean {
  for (let at = from; at + 4 < end; ) {
    const size = view.getUint16(at, true);
    if (size < 4) return false;
    if (view.getUint16(at + 2, true) === INET_DIAG_SKV6ONLY) return view.getUint8(at + 4) !== 0;
    at += (size + 3) & ~3;
  }
  return false;
}
