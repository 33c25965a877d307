/** Locks that die with who holds them, however that ends: SQLite's, on files that hold nothing. */
import { Database } from "bun:sqlite";

/** Runs `work` while nobody else does, in whatever process; waits up to half a minute. */
export function makeTurns(path: string): <T>(work: () => T) => T {
  const database = open(path);
  database.run("PRAGMA busy_timeout = 30000");
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
  const database = open(path);
  try {
    database.run("BEGIN EXCLUSIVE");
  } catch {
    database.close();
    return null;
  }
  return {
    release() {
      database.run("ROLLBACK");
      database.close();
    },
  };
}

function open(path: string): Database {
  const database = new Database(path, { create: true });
  database.run("PRAGMA journal_mode = MEMORY"); // nothing is ever written
  return database;
}
