/** Locks that die with who holds them, however that ends: SQLite's, on files that hold nothing. */
import { Database } from "bun:sqlite";

/** Runs `work` while nobody else does, in whatever process; waits up to half a minute. */
export function makeTurns(path: string): <T>(work: () => T) => T {
  const database = open(path, 30_000);
  return (work) => {
    database.run("BEGIN IMMEDIATE");
    try {
      return work();
    } finally {
      database.run("ROLLBACK");
    }
  };
}

/** Null: another process has it. */
export function tryLock(path: string): { release(): void } | null {
  let database: Database | null = null;
  try {
    database = open(path, 0);
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

function open(path: string, waitMs: number): Database {
  const database = new Database(path, { create: true });
  database.run(`PRAGMA busy_timeout = ${waitMs}`);
  try {
    database.run("PRAGMA journal_mode = MEMORY"); // nothing is ever written
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}
