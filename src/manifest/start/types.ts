/** What `dt init` writes. No code in this file. */

/** A file that is to be made. */
export interface NewFile {
  /** From the project root, with `/`. */
  path: string;
  text: string;
}
