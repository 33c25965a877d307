/**
 * Code is run only from files that nobody else can change: owned by the user or root, not writable by all. Checked at
 * every start, for content that stayed the same may have changed hands. Known limit: groups and ACLs are not judged.
 */
import type { Stats } from "node:fs";

export interface Distrust {
  message: string;
  hint: string;
}

/** Null when the file or directory may be trusted. `env` is asked for SUDO_UID: root by sudo trusts who called it, as git does. */
export function distrust(
  path: string,
  stat: Pick<Stats, "uid" | "mode">,
  env: Record<string, string | undefined>,
): Distrust | null {
  const me = process.geteuid?.() ?? stat.uid;
  const caller = me === 0 && /^\d+$/.test(env.SUDO_UID ?? "") ? Number(env.SUDO_UID) : me;
  if (stat.uid !== me && stat.uid !== 0 && stat.uid !== caller) {
    return {
      message: `${path}: belongs to uid ${stat.uid}, neither to you (uid ${me}) nor to root, so dt does not run what is in it.`,
      hint: `If you trust it: chown ${me} ${quote(path)}`,
    };
  }
  if ((stat.mode & 0o002) !== 0) {
    return {
      message: `${path}: may be changed by every user of this machine (mode ${(stat.mode & 0o7777).toString(8)}), so dt does not run what is in it.`,
      hint: `If its content is right: chmod o-w ${quote(path)}`,
    };
  }
  return null;
}

function quote(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
