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
  oneshot: { of: "ratio", max: 1.6 },
  ps: { of: "ratio", max: 1.8 },
  ps1: { of: "ratio", max: 1.8 },
  ps20: { of: "ratio", max: 2 },
  ps200: { of: "ratio", max: 4 },
  help: { of: "ratio", max: 1.5 },
  version: { of: "ratio", max: 1.3 },
  start: { of: "ratio", max: 3.5 },
  startThere: { of: "ratio", max: 2.2 },
  replace: { of: "ratio", max: 2.6 },
  /** With the end of the CLI itself. */
  stopAfterEnd: { of: "plain", max: 3 },
  pss1: { of: "plain", max: 38 },
  pss20: { of: "plain", max: 42 },
  pss200: { of: "plain", max: 55 },
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
