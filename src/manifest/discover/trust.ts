/**
 * Code is run only from files that nobody else can change: owned by the user, root or an owner whom the user accepted, and not writable by all. Checked at
 * every start, for content that stayed the same may have changed hands. Known limit: groups and ACLs are not judged.
 */
import type { Stats } from "node:fs";
import { ownUids } from "../../sys/places/root.ts";
import { quotePath } from "../../sys/text/quote.ts";

export interface Distrust {
  message: string;
  hint: string;
}

/** Who asks: `env` for SUDO_UID, and the other owner who was accepted for this root, if any. */
export interface Judge {
  env: Record<string, string | undefined>;
  owner?: number | null;
}

/** Null when the file or directory may be trusted. */
export function distrust(
  path: string,
  stat: Pick<Stats, "uid" | "mode">,
  { env, owner = null }: Judge,
): Distrust | null {
  const me = process.geteuid?.() ?? stat.uid;
  if (!ownUids(env).includes(stat.uid) && stat.uid !== owner) {
    return {
      message: `${path}: belongs to uid ${stat.uid}, neither to you (uid ${me}) nor to root, so dt does not run what is in it.`,
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
