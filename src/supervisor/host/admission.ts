/**
 * How many launches a host may begin and serve, by the files that its process may open. A start that finds no room is
 * refused whole, before it touched anything: one that runs out in the middle would fail anywhere, and so would what the
 * host does for the others.
 *
 *   the start fits         it begins
 *   it does not, and       it waits: a start needs more than the launch that becomes of it
 *   others are beginning
 *   it does not            `too-many-files`
 */
import { DtError, EXIT } from "../../sys/base/error.ts";

/** Files that a host needs for itself, its callers and what it reads. */
const OWN = 36;
/** Files that a start needs at most, and those that stay open for a launch. */
const A_START = 10;
const A_LAUNCH = 3;

export interface Admitted {
  /** It is launched. Further calls change nothing. */
  begun(): void;
  /** It is over, launched or not. */
  over(): void;
}

export interface Admission {
  /** Throws `too-many-files`, and the signal's reason. */
  enter(key: string, signal: AbortSignal): Promise<Admitted>;
}

/** `limit`: how many files this process may open. */
export function makeAdmission(limit: number): Admission {
  let beginning = 0;
  let serving = 0;
  let changed = Promise.withResolvers<void>();
  const fits = () => OWN + A_LAUNCH * serving + A_START * (beginning + 1) <= limit;
  const tell = () => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  const admit = (): Admitted => {
    let state: "beginning" | "serving" | "over" = "beginning";
    beginning++;
    const become = (next: typeof state) => {
      if (state === "beginning") beginning--;
      if (state === "serving") serving--;
      if (next === "serving") serving++;
      state = next;
      tell();
    };
    return {
      begun: () => state === "beginning" && become("serving"),
      over: () => state !== "over" && become("over"),
    };
  };
  return {
    async enter(key, signal) {
      while (!fits()) {
        if (beginning === 0) throw fullError(key, { limit, serving });
        await changed.promise;
        signal.throwIfAborted();
      }
      return admit();
    },
  };
}

function fullError(key: string, { limit, serving }: { limit: number; serving: number }): DtError {
  return new DtError(
    "too-many-files",
    `The host may open only ${limit} files, which is enough for the ${serving} launches that it has: ${key} was not started.`,
    {
      status: EXIT.failed,
      hint: "Raise the limit (ulimit -n). The next host has it: this one ends when its launches are stopped.",
    },
  );
}
