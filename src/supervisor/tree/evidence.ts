/**
 * What shows whose a process is: its identity, and what it inherited (the launch's token, its lineage, the key and root
 * of a launch whose record is lost). The table in tree.ts says what each of these proves.
 */
import { isAbsolute } from "node:path";
import { runDirectoryOf } from "../../sys/places/paths.ts";
import type { ProcessEntry, ProcessIdentity, ProcessTable } from "../../sys/process/identity.ts";
import { isLineageOf } from "../../sys/process/lineage.ts";
import { HOST_MARK } from "../launch/marks.ts";
import type { Launched, TreeQuery } from "./query.ts";

/** Whether this is exactly the recorded process. False for null: none is recorded. */
export function isEntryOf(
  table: ProcessTable,
  { entry, identity }: { entry: ProcessEntry; identity: ProcessIdentity | null },
): boolean {
  if (identity === null) return false;
  return entry.pid === identity.pid && entry.startTime === identity.startTime && isHere(table, identity);
}

export function isHere(table: ProcessTable, identity: ProcessIdentity): boolean {
  return identity.bootId === table.bootId() && identity.pidNamespace === table.pidNamespace();
}

/** Whether it carries what only a descendant of the leader can have inherited. */
export function isMarked(
  table: ProcessTable,
  {
    entry: { pid },
    launch,
  }: { entry: Pick<ProcessEntry, "pid">; launch: Pick<TreeQuery, "token" | "key" | "root" | "runDirectory"> },
): boolean {
  if (launch.token === null) return claimsKey(table, { pid, query: launch });
  if (isLineageOf(table.lineageOf(pid), launch.token)) return true;
  return table.environmentOf(pid, "DIALTONE_TOKEN") === launch.token;
}

function claimsKey(
  table: ProcessTable,
  { pid, query: { key, root, runDirectory } }: { pid: number; query: Pick<TreeQuery, "key" | "root" | "runDirectory"> },
): boolean {
  return (
    table.environmentOf(pid, "DIALTONE_KEY") === key &&
    table.environmentOf(pid, "DIALTONE_ROOT") === root &&
    typeof table.environmentOf(pid, "DIALTONE_TOKEN") === "string" &&
    (runDirectory === undefined || isOfRunDirectory(table, { pid, root, runDirectory }))
  );
}

/** Whether a launch of this root was started with this run directory. One with a relative path may have been. */
export function isOfRunDirectory(
  table: ProcessTable,
  { pid, root, runDirectory }: { pid: number; root: string; runDirectory: string },
): boolean {
  const given = table.environmentOf(pid, "DIALTONE_RUN_DIR");
  if (given === undefined || (given !== null && given !== "" && !isAbsolute(given))) return true;
  return runDirectoryOf(root, given === null ? {} : { DIALTONE_RUN_DIR: given }) === runDirectory;
}

export function isOfAnotherLineage(
  table: ProcessTable,
  { pid, token }: { pid: number; token: string | null },
): boolean {
  if (token === null) return false;
  const lineage = table.lineageOf(pid);
  return typeof lineage === "bigint" && !isLineageOf(lineage, token);
}

/** A host, or a process that says it belongs to another launch. This launch's own host is not part of it either. */
export function isOfAnotherLaunch(
  table: ProcessTable,
  { entry, launch }: { entry: ProcessEntry; launch: Launched },
): boolean {
  if (isEntryOf(table, { entry, identity: launch.host })) return true;
  if (typeof table.environmentOf(entry.pid, HOST_MARK) === "string") return true;
  // What it says about itself counts before what it inherited. No host says that it belongs to a launch.
  const token = launch.isUnnamed === true ? null : table.environmentOf(entry.pid, "DIALTONE_TOKEN");
  if (launch.token !== null && typeof token === "string" && TOKEN.test(token)) return token !== launch.token;
  if (launch.otherHosts().some((one) => isEntryOf(table, { entry, identity: one }))) return true;
  return isOfAnotherLineage(table, { pid: entry.pid, token: launch.token });
}

/** The format that dt writes. A program that overwrites its environment with anything else says nothing by it. */
const TOKEN = /^[0-9a-f]{32}$/;
