/** The schema of a readiness probe: exactly one way to ask, and what goes with it. */
import * as v from "valibot";
import { expected, fields, text } from "./shape.ts";
import { argv, duration, integer, probePort } from "./values.ts";

export const PROBE_KINDS = ["http", "port", "log", "exec", "delay"] as const;

export const probe = v.pipe(
  fields(
    {
      http: v.optional(
        v.pipe(
          text('a path like "/" or a whole URL'),
          v.check(
            (value) => value.startsWith("/") || (/^https?:\/\//.test(value) && URL.canParse(value)),
            expected('a path that begins with "/" or a whole http(s) URL'),
          ),
        ),
      ),
      status: v.optional(integer(100, 599, "an HTTP status from 100 to 599")),
      port: v.optional(probePort),
      log: v.optional(
        v.pipe(
          text("a regular expression"),
          v.check(isRegExp, ({ input }) => regExpError(input)),
        ),
      ),
      exec: v.optional(argv),
      delay: v.optional(duration),
      timeout: v.optional(duration),
      interval: v.optional(duration),
    },
    { what: "a probe" },
  ),
  v.check(
    (value) => PROBE_KINDS.filter((kind) => value[kind] !== undefined).length === 1,
    ({ input }) => {
      const set = PROBE_KINDS.filter((kind) => input[kind] !== undefined);
      return set.length === 0
        ? `needs one of ${PROBE_KINDS.join(", ")}`
        : `sets ${set.join(" and ")}, but a probe has exactly one of ${PROBE_KINDS.join(", ")}; a list of probes means that all must hold`;
    },
  ),
  v.check(
    (value) => value.status === undefined || value.http !== undefined,
    "`status` belongs to `http`, which is not set",
  ),
);

function isRegExp(source: string): boolean {
  return regExpError(source) === "";
}

function regExpError(source: string): string {
  try {
    new RegExp(source);
    return "";
  } catch (error) {
    return `expected a regular expression, found ${JSON.stringify(source)}: ${(error as Error).message}`;
  }
}
