/**
 * Who is at the other end of a connection over a Unix socket, from the kernel: nobody can pretend.
 *
 * Known limit: on macOS it is `LOCAL_PEERCRED`, whose layout is tested as bytes and was never read on a Mac.
 */
import { libc, ptr } from "./libc.ts";

const LINUX = { level: 1, option: 17, bytes: 12, uidAt: 4, pidAt: 0 };
/** `struct xucred`: version, uid, then groups; it has no pid. */
const DARWIN = { level: 0, option: 1, bytes: 76, uidAt: 4, pidAt: null };

export interface Peer {
  uid: number;
  /** Null where the system does not tell. */
  pid: number | null;
}

/** Null when the kernel does not tell. */
export function peerOf(fd: number): Peer | null {
  const layout = process.platform === "darwin" ? DARWIN : LINUX;
  const answer = new Uint8Array(layout.bytes);
  const length = new Uint32Array([layout.bytes]);
  if (libc().getsockopt(fd, layout.level, layout.option, ptr(answer), ptr(length)) !== 0) return null;
  return readPeer(answer, layout);
}

export function readPeer(answer: Uint8Array, layout: { uidAt: number; pidAt: number | null } = LINUX): Peer {
  const view = new DataView(answer.buffer, answer.byteOffset);
  return {
    uid: view.getUint32(layout.uidAt, true),
    pid: layout.pidAt === null ? null : view.getInt32(layout.pidAt, true),
  };
}
