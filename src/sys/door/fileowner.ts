/** Whose dt's files are: this user's or, when root runs dt in another user's directory, that user's. */
import { fchownSync, lchownSync, statSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Whether `uid` counts as dt's own user: this user, or the directory's owner when root runs dt and hands what it makes
 * there to that owner.
 */
export function isOwner(path: string, uid: number): boolean {
  const me = process.geteuid?.();
  if (me === undefined || uid === me) return true;
  if (me !== 0) return false;
  try {
    return statSync(dirname(path)).uid === uid;
  } catch {
    return false;
  }
}

/**
 * Root leaves nothing of its own in another user's directory: a file it just made there goes to the directory's owner.
 */
export function handToOwner(path: string, fd?: number): void {
  if (process.geteuid?.() !== 0) return;
  const { uid, gid } = statSync(dirname(path));
  if (uid === 0) return;
  if (fd === undefined) lchownSync(path, uid, gid);
  else fchownSync(fd, uid, gid);
}
