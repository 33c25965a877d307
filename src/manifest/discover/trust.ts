/**
 * dt runs code only from files that no other user can change: owned by the user, by root or by an owner whom the user
 * accepted, and not writable by all. This is checked at every start, since a file with the same content may have
 * changed its owner. Known limit: groups and ACLs are not checked.
 */
import type { Stats } from "node:fs";
import { ownUids, strangerTo } from "../../sys/places/root.ts";
import { quotePath } from "../../sys/text/quote.ts";

export interface Distrust {
  message: string;
  hint: string;
}

/** Which owners to accept: `env` for SUDO_UID, and the other owner that the user accepted for this root, if any. */
export interface Judge {
  env: Record<string, string | undefined>;
  owner?: number | null;
}

/** Null when the file or directory can be trusted. */
export function distrust(
  path: string,
  { stat, env, owner = null }: { stat: Pick<Stats, "uid" | "mode"> } & Judge,
): Distrust | null {
  const me = process.geteuid?.() ?? stat.uid;
  if (!ownUids(env).includes(stat.uid) && stat.uid !== owner) {
    return {
      message: `${path}: belongs to uid ${stat.uid}, ${strangerTo(me)}, so dt does not run what is in it.`,
      hint: `If you trust it: chown ${me} ${quotePath(path)}`,
    };
  }
  if ((stat.mode & 0o002) !== 0) {
    return {
      message: `${path}: may be changed by every user of this machine (mode ${(stat.mode & 0o7777).toString(8)}), so dt does not run what is in it.`,
      hint: `If its content is right: chmod o-w ${quotePath(path)}`,
    };
  }
  return null;
}
