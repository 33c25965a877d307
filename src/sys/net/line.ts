/** A connection of messages, as those who use it see it (lineconnection.ts). No code in this file. */

export interface LineConnection {
  /** False when the peer has closed the connection. */
  send(message: unknown): boolean;
  /** Resolves when everything sent is with the kernel, or the connection is over. */
  flushed(): Promise<void>;
  /** Bytes that wait for the peer to read them. */
  waiting(): number;
  /** Stops reading, which slows the peer down. */
  pause(): void;
  resume(): void;
  /** Closes the connection once everything sent is out. */
  close(): void;
}

export interface LineHandlers {
  /** An exception cuts the peer off. */
  onMessage(message: unknown): void;
  /**
   * Called for a line that is not JSON, after which reading goes on, and for one that is too long, after which nothing
   * more is read. Default: cut the peer off.
   */
  onGarbage?(what: "not-json" | "too-long"): void;
  onClose(): void;
}
