/**
 * The names of temporary files: `.<name>.<pid>.<random>.tmp`. Such a name shows what a crash left, and which file is
 * just being published.
 */
import { basename, dirname, join } from "node:path";

const TEMPORARY = /^\.(.+)\.(\d+)\.[a-z0-9]+\.tmp$/;

/** A new one, beside the file. */
export function temporaryName(path: string): string {
  return join(
    dirname(path),
    `.${basename(path)}.${process.pid}.${crypto.randomUUID().replaceAll("-", "").slice(0, 16)}.tmp`,
  );
}

/** Which file is being written, and by which process. Null: it is another kind of name. */
export function readTemporaryName(name: string): { of: string; pid: number } | null {
  const [, of, pid] = TEMPORARY.exec(name) ?? [];
  return of === undefined ? null : { of, pid: Number(pid) };
}
