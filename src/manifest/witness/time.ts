/**
 * Watches everything that reads the time, or shows a time in the local time zone. dt can ask for the zone again, but
 * not for the time. The locale needs no question: in Bun it is en-US, whatever LANG and LC_* say.
 */
import type { Record as Witness } from "./record.ts";
import { everyCall, noting, put, putGetter } from "./wrap.ts";

type Any = Record<string, unknown>;
type Note = () => void;

/** Methods of Date with the same result in every zone; so are all with UTC in their name. */
const ANYWHERE = new Set(
  "constructor toISOString toJSON toGMTString toTemporalInstant valueOf getTime setTime getMilliseconds setMilliseconds".split(
    " ",
  ),
);

export interface Clock {
  time: Note;
  zone: Note;
}

export function watchTime(witness: Witness): Clock {
  const world = globalThis as unknown as Any;
  const clock: Clock = {
    time: () => witness.cannotKnow("reads the time"),
    zone() {
      void process.env.TZ;
      for (const kind of ["real", "content"]) witness.ask(`${kind} /etc/localtime`);
    },
  };
  const { time, zone } = clock;
  const date = watchedDate(clock);
  for (const name of Object.getOwnPropertyNames(Date.prototype))
    if (!ANYWHERE.has(name) && !name.includes("UTC"))
      put(Date.prototype, name, noting(Reflect.get(Date.prototype, name) as object, zone));
  put(world, "Date", date);
  put(Date.prototype, "constructor", date);
  watchFormat(clock);
  const { Temporal } = world as { Temporal?: { Now: object; Instant: { prototype: Any } } };
  if (Temporal !== undefined) {
    put(Temporal, "Now", everyCall(Temporal.Now, time));
    const instant = Temporal.Instant.prototype;
    put(instant, "toLocaleString", noting(instant.toLocaleString as object, zone));
  }
  put(world, "performance", watchedPerformance(world.performance as object, time));
  putGetter(PerformanceEntry.prototype, "startTime", time);
  putGetter(Event.prototype, "timeStamp", time);
  for (const name of [
    "hrtime",
    "uptime",
    "memoryUsage",
    "availableMemory",
    "cpuUsage",
    "threadCpuUsage",
    "resourceUsage",
  ]) {
    const real = (process as unknown as Any)[name] as Any & ((...args: unknown[]) => unknown);
    const watched = noting(real, time);
    if (name === "hrtime") put(real, "bigint", noting(real.bigint as object, time));
    put(process, name, watched);
  }
  return clock;
}

/** `new Date()` reads the time, `new Date(0)` does not; text or several numbers may be read in the local zone. */
function watchedDate({ time, zone }: Clock): DateConstructor {
  const now = noting(Date.now, time);
  const parse = noting(Date.parse, zone);
  return new Proxy(Date, {
    apply(target, self, args) {
      time();
      return Reflect.apply(target, self, args);
    },
    construct(target, args, as) {
      if (args.length === 0) time();
      else if (args.length > 1 || typeof args[0] !== "number") zone();
      return Reflect.construct(target, args, as) as object;
    },
    get: (target, name, self) => (name === "now" ? now : name === "parse" ? parse : Reflect.get(target, name, self)),
  });
}

/** Formatting without a date formats the current time. */
function watchFormat({ time, zone }: Clock): void {
  const format = Intl.DateTimeFormat.prototype;
  const note = ([date]: readonly unknown[]) => {
    zone();
    if (date === undefined) time();
  };
  putGetter(format, "format", zone, (real) => noting(real as object, note));
  put(format, "formatToParts", noting(format.formatToParts, note));
  for (const name of ["formatRange", "formatRangeToParts", "resolvedOptions"] as const)
    put(format, name, noting(format[name], zone));
}

export function watchedPerformance(real: object, time: Note): object {
  return new Proxy(real, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof name === "string" && MOMENTS.has(name)) time();
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

const MOMENTS = new Set(["now", "timeOrigin", "timing", "toJSON"]);
