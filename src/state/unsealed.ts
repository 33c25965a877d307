/**
 * Reads a record from before seals, of a launch that an earlier dt still hosts. The kernel's word makes it this
 * user's own: the leader lives, carries the record's token, key and root in its environment, and is a child of the
 * recorded host; and the record lies in the run directory of that root, so a copy of the folder does not qualify.
 * Both processes must belong to this very user and be in no container: a process's environment says what its
 * starter chose, and otherwise another user's or a container's would be believed. Anything else without a seal
 * stays foreign. The history that the host of such a launch wrote (ready, ended, released) is believed as long as
 * the caller knows the token from that record.
 */
import { basename, dirname, join } from "node:path";
import { rootSlug } from "../sys/places/paths.ts";
import { type ProcessTable, presenceOf } from "../sys/process/identity.ts";
import { readOwnText } from "../sys/seal/sealed.ts";
import { checkRecord, checkShape, HISTORY } from "./check.ts";
import type { LaunchHistory, LaunchRecord } from "./types.ts";

export function readUnsealed(path: string, { key, table }: { key: string; table: ProcessTable }): LaunchRecord | null {
  return read(path, (value) => {
    const record = checkRecord(value, key);
    return isOf(dirname(path), record.root) && isHosted(record, table) ? record : null;
  });
}

/** For a launch whose record was accepted. */
export function readUnsealedHistory(path: string, token: string): LaunchHistory | null {
  return read(path, (value) => {
    const history = checkShape<LaunchHistory>(value, { shape: HISTORY, key: null });
    return history.token === token ? history : null;
  });
}

function read<T>(path: string, check: (value: object) => T | null): T | null {
  // An earlier dt wrote small files; a stranger's file may be of any size.
  const text = readOwnText(path, () => false);
  if (text.is !== "there") return null;
  try {
    const value: unknown = JSON.parse(text.value);
    return typeof value !== "object" || value === null || "seal" in value ? null : check(value);
  } catch {
    return null;
  }
}

/** As `runDirectoryOf` builds it, wherever DIALTONE_RUN_DIR leads. */
function isOf(directory: string, root: string): boolean {
  return directory === join(root, ".dialtone", "run") || basename(directory) === rootSlug(root);
}

function isHosted({ key, token, root, leader, host }: LaunchRecord, table: ProcessTable): boolean {
  if (leader === null || presenceOf(table, leader) !== "alive" || presenceOf(table, host) !== "alive") return false;
  return (
    table.isOwn(leader.pid) &&
    table.isOwn(host.pid) &&
    table.entry(leader.pid)?.ppid === host.pid &&
    table.environmentOf(leader.pid, "DIALTONE_TOKEN") === token &&
    table.environmentOf(leader.pid, "DIALTONE_KEY") === key &&
    table.environmentOf(leader.pid, "DIALTONE_ROOT") === root
  );
}
