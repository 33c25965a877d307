/** The daemon's answer to each request. */
import type { Jobs } from "../jobs/types.ts";
import { readLastLines } from "../logs/tail.ts";
import type { ManifestIndex } from "../manifest/model/resolved.ts";
import { START_MARK } from "../supervisor/launch/marks.ts";
import { DtError } from "../sys/base/error.ts";
import { FLAG } from "../sys/text/flags.ts";
import { keyWords, parseKey, wholeKey } from "../values/key.ts";
import { type Dt, dataOf, parseLast } from "./dt.ts";
import type { Schedules } from "./schedule.ts";
import type { PluginRequest, Request, RequestOf } from "./socket/protocol.ts";

export interface Served {
  dt: Dt;
  jobs: Jobs;
  schedules: Schedules;
  status(): object;
  /** Ends the daemon, after the reply. */
  stop(): void;
  /** Whether a start counts as a person's act: the root is trusted, and none of its manifests was ever taken over. */
  isFirstAct(root: string): boolean;
  /**
   * Runs the start of a key. A stop calls it off, also while it waits for its turn. `run` gets variables for the dt
   * that it runs.
   */
  asStart<T>(start: { root: string; key: string }, run: (env: Record<string, string>) => Promise<T>): Promise<T>;
  /** The registered roots, with their manifests as a person last took them over. */
  projects(): ReadonlyMap<string, ManifestIndex>;
}

const LOOK_MS = 30_000;
const WAIT_MS = 15 * 60_000;
const LINES = 100;
const JOBS = 50;

export function answer(served: Served, request: Request | PluginRequest): Promise<unknown> | unknown {
  if (!Object.hasOwn(ANSWERS, request.cmd)) return askPlugin(served, request as PluginRequest);
  const own = ANSWERS[request.cmd as keyof typeof ANSWERS] as (served: Served, request: never) => unknown;
  return own(served, request as never);
}

const ANSWERS: { [Cmd in Exclude<Request["cmd"], "subscribe">]: (served: Served, request: RequestOf<Cmd>) => unknown } =
  {
    status: ({ status }) => status(),
    stop({ stop }) {
      stop();
      return { stopping: true };
    },
    async ps({ dt }, { root, all }) {
      const words = [
        "ps",
        FLAG.json,
        ...(all === true ? [FLAG.all] : []),
        ...(root === undefined ? [FLAG.allRoots] : []),
      ];
      return dataOf(await dt.run(words, { root, limitMs: LOOK_MS }));
    },
    async start(served, { root, key, args = [], ensure, wait, timeout, env }) {
      const words = [
        FLAG.json,
        ...wordsOf(key),
        FLAG.detach,
        ...(ensure === true ? [FLAG.ensure] : []),
        ...(wait === false ? [FLAG.noWait] : []),
        ...(timeout === undefined ? [] : [FLAG.timeout, `${Math.round(timeout * 1000)}ms`]),
        ...(args.length === 0 ? [] : ["--", ...args]),
      ];
      const at = rootOf(served, root);
      const asPerson = served.isFirstAct(at);
      const start = (more: Record<string, string>) =>
        served.dt.run(words, {
          root: at,
          env: { ...env, ...more, [START_MARK]: "1" },
          asPerson,
          limitMs: WAIT_MS,
        });
      return dataOf(await served.asStart({ root: at, key }, start));
    },
    async stop_key(served, { root, key }) {
      const at = rootOf(served, root);
      const ran = await served.dt.run(["stop", key, FLAG.json], { root: at, limitMs: WAIT_MS });
      return dataOf(ran);
    },
    async restart(served, { root, key, env }) {
      const at = rootOf(served, root);
      const asPerson = served.isFirstAct(at);
      const restart = (more: Record<string, string>) =>
        served.dt.run(["restart", key, FLAG.json], { root: at, env: { ...env, ...more }, asPerson, limitMs: WAIT_MS });
      return dataOf(await served.asStart({ root: at, key }, restart));
    },
    async logs(served, { root, key, lines = LINES, after }) {
      const from = after === undefined ? [FLAG.lines, String(lines)] : [FLAG.after, after];
      const ran = await served.dt.run(["logs", key, FLAG.json, ...from], {
        root: rootOf(served, root),
        limitMs: LOOK_MS,
      });
      if (ran.code !== 0) return dataOf(ran);
      const all = ran.stdout.split("\n").filter((line) => line !== "");
      return { lines: all.slice(0, Math.max(lines, 1)).map((line) => JSON.parse(line)), more: all.length > lines };
    },
    async why(served, { root, key }) {
      const ran = await served.dt.run(["why", key, FLAG.json], { root: rootOf(served, root), limitMs: LOOK_MS });
      return dataOf(ran, [0, 3]);
    },
    jobs(served, { root, limit = JOBS }) {
      const roots = root === undefined ? [...served.projects().keys()] : [root];
      const due = served.schedules.due().filter((one) => root === undefined || one.root === root);
      return { jobs: served.jobs.list(roots, limit), due };
    },
  };

/** Runs a job like any other. The last line that it prints is the answer. */
async function askPlugin(served: Served, request: PluginRequest): Promise<unknown> {
  const { root, key } = registeredAs(served, { cmd: request.cmd, wanted: request.root }) as Registered;
  const { id: _id, ...rest } = request;
  const { target } = rest as { target?: unknown };
  const job = await served.jobs.run({
    root,
    key,
    kind: "oneshot",
    target: typeof target === "string" ? target : key,
    source: "socket",
    env: { DIALTONE_REQUEST: JSON.stringify(rest) },
  });
  if (job.state === "done") return lastLineOf(job.log);
  const said = readLastLines(job.log, { lines: SAID_LINES }).join("\n").trim();
  throw new DtError("failed", said === "" ? (job.error ?? "it failed") : said);
}

const SAID_LINES = 5;
const LONGEST_ANSWER = 1024 * 1024;

function lastLineOf(log: string): unknown {
  return parseLast(readLastLines(log, { lines: 1, maxBytes: LONGEST_ANSWER })[0] ?? "");
}

interface Registered {
  root: string;
  key: string;
  plugin: string;
}

/** Null when no plugin of a registered root has this command. */
export function registeredAs(
  { projects }: Pick<Served, "projects">,
  { cmd, wanted }: { cmd: string; wanted?: string | undefined },
): Registered | null {
  for (const [root, index] of projects()) {
    if (wanted !== undefined && root !== wanted) continue;
    for (const { name, daemon } of Object.values(index.plugins)) {
      const key = Object.hasOwn(daemon.commands, cmd) ? daemon.commands[cmd] : undefined;
      if (key !== undefined) return { root, key, plugin: name };
    }
  }
  return null;
}

function wordsOf(key: string): string[] {
  if (parseKey(key) === null)
    throw new DtError("bad-request", `${JSON.stringify(key)} is no key: expected plugin:command[:variant]`);
  return ["--", ...keyWords(wholeKey(key))];
}

function rootOf({ projects }: Served, root: string | undefined): string {
  if (root !== undefined) return root;
  const registered = [...projects().keys()];
  if (registered.length === 1) return registered[0] as string;
  throw new DtError(
    "no-root",
    registered.length === 0
      ? "`root` is missing, and no root is registered (dt boot add)"
      : `\`root\` is missing, and ${registered.length} roots are registered`,
  );
}
