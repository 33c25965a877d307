/** The commands by which dt starts itself for work of its own. No user types them; `cli.ts` has what each runs. */

export const HIDDEN = {
  /** A child that becomes a command whose words or environment hold bytes that Bun does not pass on. */
  become: "__become",
  /** A one-shot's capture, with its signals blocked. */
  capture: "__capture",
  /** Appends to a log what comes out of a pipe. */
  drain: "__drain",
  /** Between a captured one-shot and its terminal. */
  session: "__session",
  /** The host of a root's detached launches. */
  host: "__host",
  /** Follows the containers of a detached stack. */
  stack: "__stack",
  /** Asks a manifest's function what a changed file is a change of. */
  target: "__target",
  /** Loads one manifest. */
  load: "__load",
} as const;

export type Hidden = keyof typeof HIDDEN;
