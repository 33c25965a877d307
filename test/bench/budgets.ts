/**
 * What dt may cost, as data. A row that is not named here is shown for comparison. Budgets are reported by `bun run
 * bench` and enforced by `bun run bench --check`; no unit test holds a time, since a busy machine would fail it.
 */
export interface Budget {
  /** `ratio`: times the compiled hello world of the same rounds; `plain`: in the row's own unit. */
  of: "ratio" | "plain";
  max: number;
}

export const BUDGETS: Readonly<Record<string, Budget>> = {
  oneshot: { of: "ratio", max: 2.5 },
  ps: { of: "ratio", max: 2.5 },
  ps1: { of: "ratio", max: 2.5 },
  ps20: { of: "ratio", max: 2.5 },
  pssShared200: { of: "plain", max: 35 },
  ps200: { of: "plain", max: 15 },
  help: { of: "ratio", max: 2.5 },
  version: { of: "ratio", max: 2.5 },
  start: { of: "ratio", max: 3 },
  replace: { of: "ratio", max: 3 },
  stopAfterEnd: { of: "plain", max: 10 },
  log: { of: "plain", max: 1.05 },
  foreground: { of: "plain", max: 5 },
  follow: { of: "plain", max: 5 },
  typed: { of: "plain", max: 5 },
  capture: { of: "plain", max: 2 },
  stack: { of: "plain", max: 1.1 },
  daemonAsked: { of: "plain", max: 2 },
  /** 0.0 % as `top` shows it. */
  daemonIdle: { of: "plain", max: 30 },
  daemonPss: { of: "plain", max: 40 },
  watchLate99: { of: "plain", max: 50 },
  tail: { of: "ratio", max: 4 },
};
