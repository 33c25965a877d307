/**
 * Which starts wait for the same launch (start/join.ts). Ctrl-C at one of them gives up that start alone, and ends the
 * launch only when no other waits for it.
 */

export interface Share {
  /** `shared`: others wait for the launch, which runs on. Further calls change nothing. */
  giveUp(): "ended" | "shared";
  /** It waits no longer: it knows what became of the launch. */
  leave(): void;
}

export interface Shares {
  /** `end`: ends the launch; from the start that made it. */
  take(token: string, end?: () => void): Share;
}

interface Shared {
  waiting: number;
  end: () => void;
}

const MOST = 1000;

export function makeShares(): Shares {
  const all = new Map<string, Shared>();
  return {
    take(token, end) {
      if (all.size > MOST) for (const [key, { waiting }] of all) if (waiting === 0) all.delete(key);
      const shared = all.get(token) ?? { waiting: 0, end: () => {} };
      all.set(token, shared);
      if (end !== undefined) shared.end = end;
      shared.waiting++;
      let isIn = true;
      const leave = () => {
        if (isIn) shared.waiting--;
        isIn = false;
      };
      return {
        giveUp() {
          const wasIn = isIn;
          leave();
          if (shared.waiting > 0) return "shared";
          if (wasIn) shared.end();
          return "ended";
        },
        leave,
      };
    },
  };
}
