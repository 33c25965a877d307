/** What `dt init` writes. No code in this file. */

/** A file to create. */
export interface NewFile {
  /** From the project root, with `/`. */
  path: string;
  text: string;
  /** Belongs to the project, not to one plugin: one that another process has created meanwhile is as good. */
  shared?: true;
}

/** Decides whom root trusts (`SUDO_UID`). */
export type Environment = Record<string, string | undefined>;
