/** The schemas of readiness and liveness probes: exactly one kind of check, and its options. */
import * as v from "valibot";
import { messageOf } from "../../sys/base/error.ts";
import { makePattern } from "../../sys/pattern/pattern.ts";
import { expected, fields, text } from "./shape.ts";
import { argv, duration, durationFrom, integer, probePort } from "./values.ts";

export const PROBE_KINDS = ["http", "port", "log", "exec", "delay"] as const;
export const ALIVE_KINDS = ["http", "port", "exec"] as const;

const http = v.optional(
  v.pipe(
    text('a path like "/" or a full URL'),
    v.check(
      (value) => value.startsWith("/") || (/^https?:\/\//.test(value) && URL.canParse(value)),
      expected('a path that begins with "/" or a full http(s) URL'),
    ),
  ),
);

const asked = {
  http,
  status: v.optional(integer({ from: 100, to: 599, what: "an HTTP status from 100 to 599" })),
  port: v.optional(probePort),
  exec: v.optional(argv),
  timeout: v.optional(duration),
  startPeriod: v.optional(duration),
};

type Written = { [kind in (typeof PROBE_KINDS)[number]]?: unknown };

function setIn(kinds: readonly (keyof Written)[], value: Written): string[] {
  return kinds.filter((kind) => value[kind] !== undefined);
}

function tellKinds(kinds: readonly (keyof Written)[], value: Written): string {
  const set = setIn(kinds, value);
  return set.length === 0
    ? `needs one of ${kinds.join(", ")}`
    : `sets ${set.join(" and ")}, but a probe has exactly one of ${kinds.join(", ")}; a list of probes means that all must hold`;
}

const STATUS_WITHOUT_HTTP = "`status` belongs to `http`, which is not set";

export const probe = v.pipe(
  fields(
    {
      ...asked,
      log: v.optional(
        v.pipe(
          text("a regular expression"),
          v.check(isRegExp, ({ input }) => regExpError(input)),
        ),
      ),
      delay: v.optional(duration),
      interval: v.optional(duration),
    },
    { what: "a probe" },
  ),
  v.check(
    (value) => setIn(PROBE_KINDS, value).length === 1,
    ({ input }) => tellKinds(PROBE_KINDS, input),
  ),
  v.check((value) => value.status === undefined || value.http !== undefined, STATUS_WITHOUT_HTTP),
);

/** Probing more often than this costs more than it tells. */
const ALIVE_INTERVAL = "100ms";

export const aliveProbe = v.pipe(
  fields(
    {
      ...asked,
      interval: v.optional(durationFrom(ALIVE_INTERVAL)),
      failures: v.optional(integer({ from: 1, to: 1000, what: "a whole number from 1 to 1000" })),
      action: v.optional(v.picklist(["unhealthy", "restart"], expected('"unhealthy" or "restart"'))),
    },
    {
      what: "a liveness probe",
      explain: (key) =>
        key === "log" || key === "delay" ? "belongs to `ready`: it cannot tell what happens later" : null,
    },
  ),
  v.check(
    (value) => setIn(ALIVE_KINDS, value).length === 1,
    ({ input }) => tellKinds(ALIVE_KINDS, input),
  ),
  v.check((value) => value.status === undefined || value.http !== undefined, STATUS_WITHOUT_HTTP),
);

function isRegExp(source: string): boolean {
  return regExpError(source) === "";
}

function regExpError(source: string): string {
  try {
    makePattern(source);
    return "";
  } catch (error) {
    return `expected a regular expression, found ${JSON.stringify(source)}: ${messageOf(error)}`;
  }
}
