/** What `dt init` writes. No code in this file. */

/** A file that is to be made. */
export interface NewFile {
  /** From the project root, with `/`. */
  path: string;
  text: string;
  /** Of the project, not of one plugin: one that is there by then is as good. */
  shared?: true;
}

/** What decides whom root trusts (`SUDO_UID`). */
export type Environment = Record<string, string | undefined>;
