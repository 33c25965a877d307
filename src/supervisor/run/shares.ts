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
  /** A start waits for the launch with this token. */
  take(token: string): Share;
  /** `end` ends the launch. Forget it when the launch is over. */
  own(token: string, end: () => void): void;
  /** The launch has another run, with a token of its own. */
  follow(token: string, next: string): void;
  forget(token: string): void;
}

interface Shared {
  waiting: number;
  /** Ends the launch. Null: another process's host serves it. */
  end: (() => void) | null;
  /** The same launch, since its run before. */
  of: Shared | null;
}

export function makeShares(): Shares {
  const all = new Map<string, Shared>();
  const at = (token: string): Shared => {
    const shared = all.get(token) ?? { waiting: 0, end: null, of: null };
    all.set(token, shared);
    return shared;
  };
  return {
    take(token) {
      const first = at(token);
      first.waiting++;
      let isIn = true;
      const leave = () => {
        const shared = launchOf(first);
        if (isIn) shared.waiting--;
        isIn = false;
        if (shared.waiting === 0 && shared.end === null && all.get(token) === shared) all.delete(token);
        return shared;
      };
      return {
        giveUp() {
          const wasIn = isIn;
          const shared = leave();
          if (shared.waiting > 0) return "shared";
          if (wasIn) shared.end?.();
          return "ended";
        },
        leave: () => void leave(),
      };
    },
    own(token, end) {
      at(token).end = end;
    },
    follow(token, next) {
      const shared = at(token);
      const early = all.get(next);
      // Starts may have joined the new run before its host heard of it.
      if (early !== undefined && early !== shared) {
        shared.waiting += early.waiting;
        early.of = shared;
      }
      all.delete(token);
      all.set(next, shared);
    },
    forget: (token) => void all.delete(token),
  };
}

function launchOf(shared: Shared): Shared {
  return shared.of === null ? shared : launchOf(shared.of);
}
