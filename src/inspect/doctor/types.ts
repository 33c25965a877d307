/** What a check of `dt doctor` finds. No code in this file. */

/** Stable names, documented in docs/why.md. */
export type CheckName =
  | "version"
  | "wrapper"
  | "system"
  | "cgroups"
  | "run-directory"
  | "file-system"
  | "free-space"
  | "lock"
  | "launch"
  | "record"
  | "set-aside"
  | "temporary"
  | "history"
  | "host-errors"
  | "left-task"
  | "lost-processes"
  | "manifest"
  | "nested"
  | "compose"
  | "daemon"
  | "root";

/** `fine`: as it should be; `note`: worth knowing; `attention`: something is wrong, and `dt doctor` exits with 1. */
export type FindingLevel = "fine" | "note" | "attention";

export interface Finding {
  check: CheckName;
  level: FindingLevel;
  key: string | null;
  /** One or two sentences. */
  text: string;
  /** What to do, as a sentence or a command; null when there is nothing to do. */
  hint: string | null;
  details: Record<string, unknown> | null;
  /** The safe repair that `--fix` does, and a sentence about it. Throws, or reports, what it could not do. */
  repair: (() => Promise<Repaired> | Repaired) | null;
}

export interface Repaired {
  done: boolean;
  text: string;
}
