/**
 * The user and process at the other end of a Unix socket, as the kernel reports them: they cannot be forged. dt
 * connects only to processes of its own user.
 *
 * Known limit: macOS uses `LOCAL_PEERCRED`, whose layout is tested as bytes and was never read on a Mac.
 */
import { DtError } from "../base/error.ts";
import { libc, ptr } from "../ffi/libc.ts";
import { ownUid } from "../places/ownplace.ts";

/** SO_PEERCRED at SOL_SOCKET, <asm-generic/socket.h>, answers with a `struct ucred`: pid, uid, gid. See unix(7). */
const LINUX = { level: 1, option: 17, bytes: 12, uidAt: 4, pidAt: 0 };
/**
 * LOCAL_PEERCRED at SOL_LOCAL, XNU bsd/sys/un.h, answers with a `struct xucred`, bsd/sys/ucred.h: version, uid, then
 * groups; it has no pid.
 */
const DARWIN = { level: 0, option: 1, bytes: 76, uidAt: 4, pidAt: null };

export interface Peer {
  uid: number;
  /** Null where the system does not report it. */
  pid: number | null;
}

/** Null when the kernel does not report it. */
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

/**
 * Whether dt answers this process: one of its own user, or one of root, which could read the answer anyway. Unknown
 * means no.
 */
export function mayConnect(peer: Peer | null): boolean {
  return peer !== null && (peer.uid === ownUid() || peer.uid === 0);
}

export const FOREIGN_SOCKET = "foreign-socket";

/**
 * Why a connection that this process made must not be used; null when its own user listens on the socket. Root is no
 * exception here: dt never puts a server of root's where another user looks for one, and a process in another user's
 * container may be root by its uid alone.
 */
export function foreignPeer(fd: number, path: string): DtError | null {
  const peer = peerOf(fd);
  return peer?.uid === ownUid() ? null : foreignSocket(path, peer === null ? "an unknown user" : `uid ${peer.uid}`);
}

export function foreignSocket(path: string, who: string): DtError {
  return new DtError(
    FOREIGN_SOCKET,
    `Expected a process of yours (uid ${ownUid()}) at the socket ${path}, but it belongs to ${who}: dt sends it nothing and trusts nothing from it.`,
  );
}
