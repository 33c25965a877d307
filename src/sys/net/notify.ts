/**
 * Reports the state of this process to the service manager (`sd_notify(3)`): a datagram to the socket named in
 * NOTIFY_SOCKET. Linux only, since only systemd asks for it.
 */
import { closeSync } from "node:fs";
import { libc, ptr } from "../ffi/libc.ts";

/** From <sys/socket.h>. */
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_NOSIGNAL = 0x4000;
/** `sun_path` in Linux's <sys/un.h> has 108 bytes, one of them for a NUL: unix(7). */
const LONGEST_PATH = 107;

/** False when no manager asked for it, or it cannot be reached. */
export function notifyManager(socket: string | undefined, text: string): boolean {
  if (process.platform !== "linux" || socket === undefined || !/^[/@]./.test(socket)) return false;
  const address = addressOf(socket);
  if (address === null) return false;
  const fd = libc().socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  try {
    const message = Buffer.from(text);
    const sent = libc().sendto(fd, ptr(message), message.length, MSG_NOSIGNAL, ptr(address), address.length);
    return Number(sent) === message.length;
  } finally {
    closeSync(fd);
  }
}

/** `sockaddr_un`; a leading `@` stands for the NUL byte of a socket without a file. */
function addressOf(socket: string): Uint8Array | null {
  const path = Buffer.from(socket.startsWith("@") ? `\0${socket.slice(1)}` : socket);
  if (path.length > LONGEST_PATH) return null;
  const address = new Uint8Array(2 + path.length + (socket.startsWith("@") ? 0 : 1));
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(path, 2);
  return address;
}
