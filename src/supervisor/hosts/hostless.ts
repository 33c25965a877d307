/**
 * Launches of the root whose host is gone: the root's host serves them, too. It looks when it is asked to, and soon
 * after each start.
 */

import { isHostless } from "../host/adopt.ts";
import type { Ground, Report } from "../launch/types.ts";
import type { Hosting } from "./hosting.ts";
import { serveAgain } from "./serve.ts";

/** How long after a start, in milliseconds: the start itself comes first. */
const SOON_MS = 100;

export interface HostlessLook {
  now(makeGround: () => Ground): void;
  soon(makeGround: () => Ground): void;
}

/** `say`: hears what concerns no caller. */
export function makeHostlessLook(hosting: Hosting, say: (text: string) => void): HostlessLook {
  let isComing = false;
  const now = (makeGround: () => Ground) => {
    for (const key of hostlessKeys(hosting, makeGround())) {
      const report: Report = (event) => {
        if (event.is === "failed") say(`${key}: ${event.error.message}`);
      };
      // A ground of its own: it may be a stranger's launch.
      serveAgain(hosting, { ground: makeGround(), key, report, cancel: new AbortController().signal });
    }
  };
  return {
    now,
    soon(makeGround) {
      if (isComing) return;
      isComing = true;
      setTimeout(() => {
        isComing = false;
        if (!hosting.isLeaving()) now(makeGround);
      }, SOON_MS);
    },
  };
}

function hostlessKeys({ works }: Hosting, ground: Ground): string[] {
  const served = new Set([...works].flatMap((work) => work.keys()));
  return ground.store.keys().filter((key) => {
    if (served.has(key)) return false;
    const record = ground.store.record(key);
    return record.is === "there" && isHostless(ground, record.value);
  });
}
