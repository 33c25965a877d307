/**
 * Between what is seen and what is looked at: paths that arrive within an instant are looked at together, one lot
 * after the other; and what is known is saved a while after it changed, not each time.
 */
import { messageOf } from "../sys/base/error.ts";
import type { Known } from "./snapshot.ts";
import type { Log } from "./types.ts";

const SAVE_MS = 200;

export interface Inbox {
  add(file: string): void;
  /** Resolves when all that arrived until now has been looked at. */
  drain(): Promise<void>;
  idle(): Promise<void>;
  close(): void;
}

export function makeInbox(gatherMs: number, look: (files: string[]) => Promise<unknown>): Inbox {
  let waiting = new Set<string>();
  let drains: (() => void)[] = [];
  let looking: Promise<void> | null = null;
  let closed = false;
  const work = async () => {
    while ((waiting.size > 0 || drains.length > 0) && !closed) {
      if (waiting.size > 0) await Bun.sleep(gatherMs);
      const files = [...waiting];
      const drained = drains;
      waiting = new Set();
      drains = [];
      if (!closed && files.length > 0) await look(files);
      for (const tell of drained) tell();
    }
    looking = null;
  };
  return {
    add(file) {
      waiting.add(file);
      looking ??= work();
    },
    drain: () =>
      new Promise<void>((resolve) => {
        if (closed || looking === null) return resolve();
        drains.push(resolve);
      }),
    idle: async () => {
      await looking;
    },
    close() {
      closed = true;
      for (const tell of drains.splice(0)) tell();
    },
  };
}

export interface Saver {
  now(): void;
  soon(): void;
}

export interface SaverOptions {
  known: Known;
  /** False while the root is not there: then nothing is written. */
  isHere(): boolean;
  log: Log;
  facts: Record<string, unknown>;
}

export function makeSaver({ known, isHere, log, facts }: SaverOptions): Saver {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const now = () => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (!isHere()) return;
    try {
      known.save();
    } catch (error) {
      log("warn", `the snapshot of the watched files could not be saved: ${messageOf(error)}`, facts);
    }
  };
  return {
    now,
    soon() {
      timer ??= setTimeout(now, SAVE_MS);
    },
  };
}
