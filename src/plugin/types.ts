/**
 * What a plugin's own programs take from `@dialtone/dt`: a server of pages, text made visible, files below a folder. No code in this file.
 */

/** How a server of pages is made. */
export interface LocalServerOptions {
  /** The port, a number or its digits; 0: the system chooses a free one. Default 0. */
  port?: number | string;
  /** Answers a request that may be answered. What it throws is written to standard error, and answered with 500. */
  fetch(request: Request): Response | Promise<Response>;
  /** The methods that are answered. Default `["GET", "HEAD"]`. */
  methods?: string[];
  /**
   * Whether an address is a page that another site may link to. Such a page must do nothing but show itself: a browser asks for it
   * because a stranger's page said so. Default: `/` alone.
   */
  isPage?(pathname: string): boolean;
  /** The Content-Security-Policy of every answer. Default: nothing from elsewhere, no script or style but files of this server. */
  policy?: string;
}

/** A server that runs. */
export interface LocalServer {
  port: number;
  /** `http://localhost:<port>/` */
  url: string;
  /** Drops open connections and resolves when the sockets are closed. */
  close(): Promise<void>;
}

/** What stays as it is in text that is made visible. */
export interface VisibleOptions {
  /** Whether line feeds and tabs stay. Default `false`: the text is then one line. */
  lines?: boolean;
}

/** What is known of a file without opening it. */
export interface FileFacts {
  /** In bytes. */
  size: number;
  mtimeMs: number;
  dev: number;
  ino: number;
  mode: number;
  uid: number;
  nlink: number;
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}

/** How a file is written. */
export interface WithinWriteOptions {
  /** Mode of a new file. Default 0666 less the umask. One that is there keeps its own. */
  mode?: number;
  /** Whether the directories above it are made. Default `false`. */
  directories?: boolean;
  /** Whether a file with further names (hard links) is replaced, which leaves those as they are. Default `false`: it is refused. */
  linked?: boolean;
}

/**
 * The files below a folder, and no others. A link that leads out of the folder is refused, one that stays inside is followed. A pipe, a
 * device, a socket and a directory are refused without being waited for. Each refusal is an error whose message is a sentence.
 */
export interface Within {
  /** The folder's real path. */
  folder: string;
  /** The facts of what has this name, a link not followed; null: nothing has. */
  stat(path: string): FileFacts | null;
  /** A descriptor to read a regular file with, to be closed by the caller; null: there is no such file. */
  open(path: string): number | null;
  /** The bytes of a regular file; null: there is no such file. Longer than `most` bytes is refused. Default 16 MiB. */
  bytes(path: string, most?: number): Uint8Array<ArrayBuffer> | null;
  /** The same as text; what is not UTF-8 is refused. */
  read(path: string, most?: number): string | null;
  /** Writes a file whole: under a name that nobody can guess, then renamed. Somebody else's file is refused. */
  write(path: string, content: string | Uint8Array, options?: WithinWriteOptions): void;
  /** Removes a name; false: nothing had it. A link is removed, not what it leads to. */
  remove(path: string): boolean;
  /** The names in a directory, sorted; none where there is no such directory. */
  names(path?: string): string[];
}
