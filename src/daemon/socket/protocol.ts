/**
 * What is said over the daemon's socket: one JSON object per line, a request and its reply, in order on each
 * connection. These schemas judge requests, give the types, and are published as JSON Schema (docs/daemon.schema.json).
 * Fields that they do not name are ignored.
 */
import * as v from "valibot";
import type { JobReport } from "../../jobs/types.ts";
import { FLAG } from "../../sys/text/flags.ts";

/** Raised when the meaning of a request or reply changes; additions do not raise it. */
export const PROTOCOL = 1;

const text = v.pipe(v.string(), v.minLength(1), v.maxLength(4096));
const root = v.optional(v.pipe(text, v.description("The project; may be left out where only one is registered.")));
const key = v.pipe(
  text,
  v.regex(/^[^\s:-][^\s:]*(:[^\s:]+){1,2}$/, "expected plugin:command, or plugin:command:variant"),
  v.description("`plugin:command`, or with a variant."),
);
const id = v.optional(v.pipe(v.union([v.string(), v.number(), v.null()]), v.description("Echoed in the reply.")));
const env = v.optional(v.record(v.string(), v.string()), undefined);
const seconds = v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(86_400)));

const said = <Name extends string, Entries extends v.ObjectEntries>(cmd: Name, what: string, entries: Entries) =>
  v.pipe(v.looseObject({ cmd: v.literal(cmd), id, ...entries }), v.description(what));

export const REQUESTS = [
  said("status", "The state of the daemon.", {}),
  said("stop", "The daemon ends; launches run on.", {}),
  said("ps", `What \`dt ps ${FLAG.json}\` shows; without a root, of all roots.`, {
    root,
    all: v.optional(v.boolean()),
  }),
  said("start", "Starts a managed command, detached; replaces it where it runs.", {
    root,
    key,
    args: v.optional(v.pipe(v.array(v.string()), v.maxLength(1000))),
    ensure: v.optional(v.boolean()),
    wait: v.optional(
      v.pipe(v.boolean(), v.description("False: reply once it is spawned. Default true: once it is ready.")),
    ),
    timeout: v.optional(v.pipe(seconds, v.description("Seconds to become ready."))),
    env: v.optional(v.pipe(env, v.description("Added to the daemon's own environment."))),
  }),
  said("stop_key", "Stops a launch and everything it started.", { root, key }),
  said("restart", "Starts a launch again.", { root, key, env: v.optional(env) }),
  said("logs", `Lines of a log, as \`dt logs ${FLAG.json}\` shows them.`, {
    root,
    key,
    lines: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(10_000))),
    after: v.optional(v.pipe(text, v.description("A cursor: only what came after it."))),
  }),
  said("why", `Why a key is as it is, as \`dt why ${FLAG.json}\` says.`, { root, key }),
  said("jobs", "What the daemon ran, newest first, and what is due.", {
    root,
    limit: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1000))),
  }),
  said("subscribe", "From the reply on, each change of a launch's state and each job as a line with `event`.", {
    root,
  }),
] as const;

export const requestSchema = v.variant("cmd", [...REQUESTS]);

export type Request = v.InferOutput<typeof requestSchema>;
export type RequestOf<Cmd extends Request["cmd"]> = Extract<Request, { cmd: Cmd }>;

/** A command that a plugin registered; its other fields are the plugin's. */
export const pluginRequestSchema = v.looseObject({
  cmd: v.pipe(text, v.regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/)),
  id,
  root,
});
export type PluginRequest = v.InferOutput<typeof pluginRequestSchema>;

export const statusSchema = v.looseObject({
  running: v.literal(true),
  pid: v.number(),
  version: v.string(),
  commit: v.string(),
  protocol: v.number(),
  label: v.string(),
  socket: v.string(),
  started_at_unix: v.pipe(v.number(), v.description("Seconds since 1970.")),
  roots: v.pipe(v.array(v.string()), v.description("The roots that were registered (`dt boot add`).")),
  manager: v.pipe(
    v.nullable(v.picklist(["systemd", "launchd"])),
    v.description("The service manager that started it and starts it again; null: a person started it."),
  ),
  binary: v.string(),
  upgraded: v.pipe(
    v.boolean(),
    v.description("Whether another build has taken the binary's place: `dt daemon restart` starts it."),
  ),
  clients: v.number(),
  running_jobs: v.number(),
  waiting: v.pipe(
    v.array(v.looseObject({ root: v.string(), files: v.array(v.string()) })),
    v.description(
      "Manifests of registered roots that changed since a person last ran a command there: the daemon goes on with what it knew.",
    ),
  ),
  projects_root: v.pipe(v.nullable(v.string()), v.description("What a plugin says of its registry.")),
  codebase_count: v.number(),
  codebases: v.array(v.string()),
});
export type Status = v.InferOutput<typeof statusSchema>;

export const stateEventSchema = v.looseObject({
  event: v.literal("state"),
  at: v.pipe(v.string(), v.description("ISO 8601.")),
  root: v.string(),
  key: v.string(),
  state: v.pipe(v.nullable(v.string()), v.description("As `dt ps` shows it; null: nothing is known of it any longer.")),
  was: v.nullable(v.string()),
  pid: v.nullable(v.number()),
});
export type StateEvent = v.InferOutput<typeof stateEventSchema>;

export const jobSchema = v.looseObject({
  id: v.string(),
  root: v.string(),
  key: v.string(),
  target: v.string(),
  source: v.picklist(["schedule", "watcher", "socket", "command"]),
  state: v.picklist(["running", "done", "failed", "lost"]),
  started_at: v.string(),
  duration_ms: v.nullable(v.number()),
  code: v.nullable(v.number()),
  error: v.nullable(v.string()),
  written: v.nullable(v.number()),
  unchanged: v.nullable(v.number()),
  log: v.string(),
}) satisfies v.GenericSchema<JobReport, JobReport>;

export const jobEventSchema = v.looseObject({ event: v.literal("job"), at: v.string(), job: jobSchema });
export type JobEvent = v.InferOutput<typeof jobEventSchema>;

export type Event = StateEvent | JobEvent | { event: "stopping"; at: string };

const replySchema = v.union([
  v.looseObject({ ok: v.literal(true), data: v.unknown(), id }),
  v.looseObject({
    ok: v.literal(false),
    error: v.pipe(v.string(), v.description("A sentence for a person.")),
    code: v.pipe(v.string(), v.description("A reason for a program.")),
    id,
  }),
]);
export type Reply =
  | { ok: true; data: unknown; id?: unknown }
  | { ok: false; error: string; code: string; id?: unknown };

/** The published schema. */
export async function wireJsonSchema(): Promise<object> {
  const { toJsonSchema } = await import("@valibot/to-json-schema");
  const make = (schema: v.GenericSchema) => {
    const { $schema: _, ...rest } = toJsonSchema(schema, {
      target: "draft-2020-12",
      errorMode: "ignore",
      typeMode: "input",
    });
    return rest;
  };
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "The daemon's socket",
    description: `Protocol ${PROTOCOL}: one JSON object per line, over the Unix socket DIALTONE_HOME/daemon.sock.`,
    $defs: {
      request: { oneOf: REQUESTS.map(make) },
      pluginRequest: make(pluginRequestSchema),
      reply: make(replySchema),
      status: make(statusSchema),
      stateEvent: make(stateEventSchema),
      job: make(jobSchema),
      jobEvent: make(jobEventSchema),
    },
  };
}
