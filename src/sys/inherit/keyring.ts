/** The session keyring of this process, which its children share: keyctl(2). Linux only. */
import { libc } from "../ffi/libc.ts";

/** From <asm/unistd.h> and <linux/keyctl.h>. */
const SYS_KEYCTL = process.arch === "arm64" ? 219 : 250;
const KEYCTL_GET_KEYRING_ID = 0;
const KEY_SPEC_SESSION_KEYRING = -3;

/** Its serial number; 0 where there is none, or none may be seen (as in most containers). Makes none. */
export function ownKeyring(): number {
  if (process.platform !== "linux") return 0;
  const serial = Number(libc().syscall(SYS_KEYCTL, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0, 0, 0));
  return Math.max(0, serial);
}
