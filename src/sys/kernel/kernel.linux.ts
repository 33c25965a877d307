/** Linux: each feature is tried on this very process, where it changes nothing. */
import { closeSync, readFileSync } from "node:fs";
import { lastErrno, libc } from "../ffi/libc.ts";
import type { KernelFeature } from "./types.ts";

/** From <asm/unistd.h>, <linux/pidfd.h>, <errno.h> and <linux/prctl.h>. */
const SYS_PIDFD_SEND_SIGNAL = 424;
const SYS_PIDFD_OPEN = 434;
const PIDFD_SIGNAL_PROCESS_GROUP = 4;
const ESRCH = 3;
const PR_SET_CHILD_SUBREAPER = 36;

export function describeKernel(): KernelFeature[] {
  const fd = Number(libc().syscall(SYS_PIDFD_OPEN, process.pid, 0, 0, 0, 0));
  // Signal 0 sends nothing: it only asks whether a signal could be sent.
  const send = (flags: number) => Number(libc().syscall(SYS_PIDFD_SEND_SIGNAL, fd, 0, 0, flags, 0)) === 0;
  const single = fd >= 0 && send(0);
  // A process that leads no group cannot signal one (ESRCH), which differs from a kernel that does not know the flag.
  const group = fd >= 0 && (send(PIDFD_SIGNAL_PROCESS_GROUP) || lastErrno() === ESRCH);
  if (fd >= 0) closeSync(fd);
  return [
    {
      name: "pidfd (check and signal in one step)",
      works: single,
      without:
        "dt cannot send signals: it can start and list, but not stop (Linux 5.3 has it; some sandboxes forbid it)",
    },
    {
      name: "pidfd group signals",
      works: group,
      without: "the members of a group are signalled one by one (Linux 6.9 has it)",
    },
    {
      name: "subreaper (orphaned processes become children of the host)",
      works: libc().prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) === 0,
      without: "an orphaned process is found by session, token and lineage only",
    },
    {
      name: "other processes can be seen in /proc",
      works: canRead("/proc/1/stat"),
      without: "other users' processes are hidden (hidepid), and dt may be unable to name the holder of a port",
    },
  ];
}

function canRead(path: string): boolean {
  try {
    readFileSync(path);
    return true;
  } catch {
    return false;
  }
}
