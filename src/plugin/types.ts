/**
 * What a plugin's own programs use from `@dialtone/dt`: a web server, visible text, files below a folder. No code in
 * this file.
 */

/** Options of a local web server. */
export interface LocalServerOptions {
  /** The port, a number or its digits; 0: the system chooses a free one. Default 0. */
  port?: number | string;
  /**
   * Answers a request that was let through. An error that it throws is written to standard error, and answered with
   * 500.
   */
  fetch(request: Request): Response | Promise<Response>;
  /** The methods that are allowed. Default `["GET", "HEAD"]`. */
  methods?: string[];
  /**
   * Whether an address is a page that another site may link to. Such a page must do nothing but show itself, because
   * any site can make a browser ask for it. Default: only `/`.
   */
  isPage?(pathname: string): boolean;
  /**
   * The Content-Security-Policy of every answer. Default: nothing from elsewhere; scripts and styles only from files of
   * this server.
   */
  policy?: string;
}

/** A running server. */
export interface LocalServer {
  port: number;
  /** `http://localhost:<port>/` */
  url: string;
  /** Drops open connections and resolves when the sockets are closed. */
  close(): Promise<void>;
}

/** What stays unchanged in text that is made visible. */
export interface VisibleOptions {
  /** Whether line feeds and tabs stay. Default `false`: the text then becomes one line. */
  lines?: boolean;
}

/** What is known about a file without opening it. */
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
  /** Mode of a new file. Default 0666 less the umask. An existing file keeps its own. */
  mode?: number;
  /** Whether missing directories above it are made. Default `false`. */
  directories?: boolean;
  /**
   * Whether a file with further names (hard links) is replaced; the other names keep the old content. Default `false`:
   * it is refused.
   */
  linked?: boolean;
}

/**
 * The files below a folder, and no others. A link that leads out of the folder is refused, one that stays inside is
 * followed. A pipe, a device, a socket and a directory are refused without blocking. Each refusal is an error whose
 * message is a sentence.
 */
export interface Within {
  /** The folder's real path. */
  folder: string;
  /** Facts about the file of this name; a link is not followed. Null: there is none. */
  stat(path: string): FileFacts | null;
  /** A descriptor for reading a regular file; the caller closes it. Null: there is no such file. */
  open(path: string): number | null;
  /**
   * The bytes of a regular file; null: there is no such file. A file of more than `most` bytes is refused. Default 16
   * MiB.
   */
  bytes(path: string, most?: number): Uint8Array<ArrayBuffer> | null;
  /** The same as text; a file that is not UTF-8 is refused. */
  read(path: string, most?: number): string | null;
  /** Writes a file whole: first under a name that cannot be guessed, then renamed. Another user's file is refused. */
  write(path: string, content: string | Uint8Array, options?: WithinWriteOptions): void;
  /** Removes a file; false: there was none. Of a link, the link itself is removed, not its target. */
  remove(path: string): boolean;
  /** The names in a directory, sorted; empty when there is no such directory. */
  names(path?: string): string[];
}
