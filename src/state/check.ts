/**
 * Checks the shape of what was read: JSON that parses may still be a draft, another version, or half of
 * an edit. A file that is not whole is reported as unreadable, like one that does not parse, so no caller
 * has to expect a missing field.
 */
import { formatKey } from "../values/key.ts";
import type { ExitReason, ExitRecord, LaunchHistory, LaunchRecord, Phase, Want } from "./types.ts";

type Check = (value: unknown) => boolean;
/** The required fields; optional ones are in a table of their own. */
type Shape<T> = { [K in keyof T as undefined extends T[K] ? never : K]: Check };
type OptionalOf<T> = { [K in keyof T]-?: undefined extends T[K] ? K : never }[keyof T];

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const text: Check = (value) => typeof value === "string";
const number: Check = (value) => typeof value === "number" && Number.isFinite(value);
const pid: Check = (value) => Number.isInteger(value) && (value as number) > 0;
const port: Check = (value) => Number.isInteger(value) && (value as number) > 0 && (value as number) < 65_536;
const path: Check = (value) => typeof value === "string" && value.startsWith("/") && !value.includes("\0");
const flag: Check = (value) => typeof value === "boolean";
const words: Check = (value) => Array.isArray(value) && value.every(text);
const time: Check = (value) => typeof value === "string" && !Number.isNaN(Date.parse(value));
const map: Check = isObject;
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
const shaped = (shape: Record<string, Check>): Check => {
  const fields = Object.entries(shape);
  return (value) => {
    if (!isObject(value)) return false;
    for (const [name, check] of fields) if (!check(value[name])) return false;
    return true;
  };
};
const oneOf =
  (table: Record<string, true>): Check =>
  (value) =>
    typeof value === "string" && Object.hasOwn(table, value);

const version: Check = (value) => value === 1;
/** A token becomes part of a file name. */
const token: Check = (value) => typeof value === "string" && /^[A-Za-z0-9_-]{0,64}$/.test(value);
const identity = shaped({ pid, startTime: text, bootId: text, pidNamespace: text });
const asker = shaped({ by: text, pid, command: text });
const numbers: Check = (value) => Array.isArray(value) && value.every(number);
const owner = shaped({ pid, startTime: text, bootId: text, pidNamespace: text, command: text });
const signal: Check = (value) => typeof value === "string" && /^SIG[A-Z0-9+-]{1,12}$/.test(value);
/** A record is a fact, never a program: what runs for a stack is derived from these fields. */
const stack: Check = (value) =>
  shaped({
    engine: oneOf({ "docker compose": true, "docker-compose": true, "podman compose": true }),
    file: text,
    profiles: words,
    project: (name) => typeof name === "string" && /^[a-z0-9][a-z0-9_-]*$/.test(name),
    off: words,
    cwd: path,
  })(value) &&
  (!("movedFrom" in (value as object)) || text((value as { movedFrom: unknown }).movedFrom));

const PHASES: Record<Phase, true> = { starting: true, running: true, stopping: true, backoff: true };
const REASONS: Record<ExitReason, true> = {
  stopped: true,
  replaced: true,
  interrupted: true,
  exited: true,
  failed: true,
  "start-failed": true,
  unknown: true,
};

const RECORD: Shape<LaunchRecord> = {
  version,
  key: text,
  plugin: text,
  command: text,
  variant: text,
  token,
  phase: oneOf(PHASES),
  root: path,
  argv: words,
  cwd: text,
  env: map,
  args: words,
  port: orNull(port),
  url: orNull(text),
  log: path,
  logFile: orNull(shaped({ dev: number, ino: number })),
  stop: shaped({ signal, timeoutMs: number, spare: words }),
  processGroup: flag,
  probed: flag,
  specHash: text,
  startedAt: time,
  restarts: number,
  detached: flag,
  host: identity,
  leader: orNull(identity),
  startedBy: asker,
  stopping: orNull(shaped({ by: asker, at: time })),
};

/** Optional fields; a missing one means its default. */
const RECORD_OPTIONS: Record<OptionalOf<LaunchRecord>, Check> = {
  begunAt: number,
  askedAt: number,
  alive: flag,
  watches: flag,
  successCodes: numbers,
  waitsFor: words,
  owner,
  tty: flag,
  shared: flag,
  bystanders: flag,
  lineage: flag,
  held: flag,
  stack,
  needs: words,
  tries: shaped({ inRow: number, at: numbers }),
  backoff: shaped({ because: text, nextAt: time, inRow: number }),
};

export const WANT: Shape<Want> = { version, key: text, want: oneOf({ run: true, stopped: true }), at: time, by: asker };

export const EXIT_RECORD: Shape<ExitRecord> = {
  version,
  key: text,
  token,
  code: orNull(number),
  signal: orNull(text),
  at: time,
  startedAt: time,
  uptimeMs: number,
  restarts: number,
  reason: oneOf(REASONS),
  text,
  by: orNull(asker),
  argv: words,
  cwd: text,
  log: text,
  lastLines: words,
};

export const HISTORY: Shape<LaunchHistory> = {
  version,
  token,
  ready: orNull(shaped({ is: text })),
  exited: orNull(shaped({ code: orNull(number), signal: orNull(text), at: time })),
  adopted: (value) => Array.isArray(value) && value.every(identity),
};

/** Checks a record with its optional fields. Throws an Error whose message is the reason. */
export function checkRecord(value: unknown, key: string): LaunchRecord {
  const record = checkShape<LaunchRecord>(value, { shape: RECORD, key });
  const options: Record<string, Check> = RECORD_OPTIONS;
  for (const name in options)
    if (name in record && options[name]?.(record[name as keyof LaunchRecord]) !== true)
      throw new Error(`\`${name}\` is invalid`);
  const own = formatKey(record);
  if (own !== key) throw new Error(`it describes ${own}`);
  return record;
}

/** Throws an Error whose message is the reason. With `key`, it also refuses a value that is about another key. */
export function checkShape<T>(value: unknown, { shape, key }: { shape: Shape<T>; key: string | null }): T {
  if (!isObject(value)) throw new Error("not an object");
  if (value.version !== 1) throw new Error(`version ${String(value.version)}, this dt reads version 1`);
  if (key !== null && value.key !== key) throw new Error(`it describes ${String(value.key)}, not ${key}`);
  const checks: Record<string, Check> = shape;
  for (const name in checks)
    if (checks[name]?.(value[name]) !== true)
      throw new Error(`\`${name}\` is ${name in value ? "invalid" : "missing"}`);
  return value as T;
}
