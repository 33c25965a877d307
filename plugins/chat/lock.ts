/** Locks that end with their holder, however it ends: SQLite's locks, on empty files. */
import { constants, Database } from "bun:sqlite";
import { join } from "node:path";
import type { Within } from "@dialtone/dt";

/** Runs `work` while no one else does, in this or another process; waits up to half a minute. */
export function makeTurns(folder: Within, name: string): <T>(work: () => T) => T {
  const database = open(folder, { name, waitMs: 30_000 });
  return (work) => {
    database.run("BEGIN IMMEDIATE");
    try {
      return work();
    } finally {
      database.run("ROLLBACK");
    }
  };
}

/** Null if another process holds it. */
export function tryLock(folder: Within, name: string): { release(): void } | null {
  let database: Database | null = null;
  try {
    database = open(folder, { name, waitMs: 0 });
    database.run("BEGIN EXCLUSIVE");
  } catch (error) {
    database?.close();
    if ((error as { code?: string }).code !== "SQLITE_BUSY") throw error;
    return null;
  }
  const held = database;
  return {
    release() {
      held.run("ROLLBACK");
      held.close();
    },
  };
}

/** SQLite itself refuses a link, but may block on anything else that is not a regular file. */
function open(folder: Within, { name, waitMs }: { name: string; waitMs: number }): Database {
  const path = join(folder.folder, name);
  if (folder.stat(name)?.isFile() === false) throw new Error(`${path} is not a regular file; remove it`);
  const { SQLITE_OPEN_READWRITE, SQLITE_OPEN_CREATE, SQLITE_OPEN_NOFOLLOW } = constants;
  const database = new Database(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW);
  database.run(`PRAGMA busy_timeout = ${waitMs}`);
  try {
    database.run("PRAGMA journal_mode = MEMORY"); // nothing is ever written
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
