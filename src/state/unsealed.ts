/**
 * A record from before there were seals, of a launch that an earlier dt still hosts: taken for this user's own on the word of the kernel. Its
 * leader lives, carries the record's own token, key and root in its environment, is the child of the recorded host, and the record lies in the
 * run directory of that root, so a copy of the folder has none. Both are processes of this very user, and in no container: who starts a process chooses
 * what its environment says, and another user's or a container's would be believed. Whatever else carries no seal stays foreign.
 * What its host says of such a launch (ready, ended, let go of) is believed as long as the one who asks knows the token from there.
 */
import { basename, dirname, join } from "node:path";
import { type ProcessTable, presenceOf } from "../sys/identity.ts";
import { rootSlug } from "../sys/paths.ts";
import { readOwnText } from "../sys/sealed.ts";
import { checkRecord, checkShape, HISTORY } from "./check.ts";
import type { LaunchHistory, LaunchRecord } from "./types.ts";

export function readUnsealed(path: string, key: string, table: ProcessTable): LaunchRecord | null {
  return read(path, (value) => {
    const record = checkRecord(value, key);
    return isOf(dirname(path), record.root) && isHosted(record, table) ? record : null;
  });
}

/** Of a launch whose record was taken over. */
export function readUnsealedHistory(path: string, token: string): LaunchHistory | null {
  return read(path, (value) => {
    const history = checkShape<LaunchHistory>(value, HISTORY, null);
    return history.token === token ? history : null;
  });
}

function read<T>(path: string, check: (value: object) => T | null): T | null {
  // What an earlier dt wrote was small; a stranger's may be anything.
  const text = readOwnText(path, () => false);
  if (text.is !== "there") return null;
  try {
    const value: unknown = JSON.parse(text.value);
    return typeof value !== "object" || value === null || "seal" in value ? null : check(value);
  } catch {
    return null;
  }
}

/** As `runDirectoryOf` makes it, wherever DIALTONE_RUN_DIR is. */
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
