/**
 * Readiness: each probe is tried again and again until it holds or its time is over; all of them must hold. A port counts only
 * when a process of this very launch listens on it.
 */
import { closeSync, openSync, readSync } from "node:fs";
import type { ResolvedProbe } from "../manifest/resolved.ts";
import type { LaunchRecord } from "../state/types.ts";
import { messageOf } from "../sys/error.ts";
import { spawnProbe } from "../sys/spawn.ts";
import { queryOf } from "./end.ts";
import { findTree } from "./tree.ts";
import type { Ground } from "./types.ts";

export interface ReadyRequest {
  ground: Ground;
  record: LaunchRecord;
  probes: readonly ResolvedProbe[];
  /** Replaces every probe's time limit. */
  timeoutMs: number | null;
  /** The launch's environment, for `exec` probes. */
  env: Record<string, string>;
  openFiles: bigint | null;
  /** Aborted when the launch ends. */
  signal: AbortSignal;
  /** Pids of probe commands, which are children of the host but no orphans. */
  children: Set<number>;
}

export type Readiness = { is: "ready" } | { is: "timeout"; why: string } | { is: "aborted" };

/** One try's own limit: an HTTP server that accepts and never answers must not eat the whole time. */
const TRY_MS = 5000;
/** After the time is over, probing goes on at this pace: a slow start may still become ready. */
const LATE_INTERVAL_MS = 1000;

/** The first tries come quickly, since most servers are up in milliseconds; the interval doubles up to the probe's own. */
const FIRST_INTERVAL_MS = 5;

type Try = () => Promise<string | null>;

/** Waits until all probes hold. */
export async function waitReady(request: ReadyRequest): Promise<Readiness> {
  const results = await Promise.all(request.probes.map((probe) => holdProbe(request, probe)));
  if (request.signal.aborted) return { is: "aborted" };
  const failed = results.filter((why) => why !== null);
  return failed.length === 0 ? { is: "ready" } : { is: "timeout", why: failed.join("; ") };
}

/** Goes on probing a launch that was not ready in time. Resolves true when it is at last. */
export async function waitReadyLate(request: ReadyRequest): Promise<boolean> {
  const slow = request.probes.map(
    (probe): ResolvedProbe => ({ ...probe, intervalMs: LATE_INTERVAL_MS, timeoutMs: Number.POSITIVE_INFINITY }),
  );
  return (await waitReady({ ...request, probes: slow, timeoutMs: null })).is === "ready";
}

/** Null when the probe held, else why it did not, for a person. */
async function holdProbe(request: ReadyRequest, probe: ResolvedProbe): Promise<string | null> {
  const began = performance.now();
  const limit = probe.type === "delay" ? Number.POSITIVE_INFINITY : (request.timeoutMs ?? probe.timeoutMs);
  const attempt = TRIES[probe.type](request, probe as never, began);
  for (let wait = FIRST_INTERVAL_MS; ; wait *= 2) {
    // A try that fails in a way of its own (too many open files) may not end the host: it is tried again like the others.
    const why = await attempt().catch(messageOf);
    if (why === null || request.signal.aborted) return null;
    const left = limit - (performance.now() - began);
    if (left <= 0) return `${why} (waited ${Math.round(limit / 100) / 10}s)`;
    await sleepUnlessAborted(Math.min(wait, probe.intervalMs, left), request.signal);
  }
}

const TRIES: {
  [T in ResolvedProbe["type"]]: (
    request: ReadyRequest,
    probe: Extract<ResolvedProbe, { type: T }>,
    began: number,
  ) => Try;
} = {
  http: tryHttp,
  port: tryPort,
  log: tryLog,
  exec: tryExec,
  delay: (_request, probe, began) => async () => {
    const left = probe.ms - (performance.now() - began);
    return left <= 0 ? null : `${probe.ms}ms have not passed`;
  },
};

function tryHttp(request: ReadyRequest, probe: Extract<ResolvedProbe, { type: "http" }>): Try {
  const { port } = request.record;
  const own = probe.target.startsWith("/");
  const url = own ? `http://localhost:${port}${probe.target}` : probe.target;
  return async () => {
    if (own) {
      if (port === null) return "ready.http is a path, but the command has no port";
      const stranger = portProblem(request, port);
      if (stranger !== null) return stranger;
    }
    try {
      const signal = AbortSignal.any([request.signal, AbortSignal.timeout(TRY_MS)]);
      const response = await fetch(url, { redirect: "manual", signal, headers: { "user-agent": "dt-probe" } });
      await response.body?.cancel();
      const good =
        probe.status === null ? response.status >= 200 && response.status < 400 : response.status === probe.status;
      return good ? null : `${url} answered ${response.status}`;
    } catch (error) {
      return `${url} did not answer: ${(error as Error).message}`;
    }
  };
}

function tryPort(request: ReadyRequest, probe: Extract<ResolvedProbe, { type: "port" }>): Try {
  const port = probe.port ?? request.record.port;
  return async () => (port === null ? "ready.port is true, but the command has no port" : portProblem(request, port));
}

/** Null when a process of the launch listens on the port. */
function portProblem({ ground, record }: ReadyRequest, port: number): string | null {
  const listeners = ground.table.listenersOn(port);
  if (listeners !== null && listeners.length === 0) return `nothing listens on port ${port}`;
  const members = new Set(findTree(ground.table, queryOf(ground, record)).members.map((one) => one.identity.pid));
  if (listeners?.some((pid) => members.has(pid))) return null;
  const who =
    listeners?.map((pid) => `pid ${pid} (${ground.table.commandLineOf(pid)})`).join(", ") ?? "another user's process";
  return `port ${port} is held by ${who}, which is not of this launch`;
}

/** Escape sequences are dropped before matching, so a coloured word is found; what spans two reads too. */
const ESCAPES = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])/g;
const LOG_CHUNK = 64 * 1024;

function tryLog({ record }: ReadyRequest, probe: Extract<ResolvedProbe, { type: "log" }>): Try {
  const pattern = new RegExp(probe.pattern, "m");
  const decoder = new TextDecoder();
  const chunk = Buffer.alloc(LOG_CHUNK);
  let offset = 0;
  let text = "";
  return async () => {
    let fd: number;
    try {
      fd = openSync(record.log, "r");
    } catch {
      return `the log ${record.log} is not there`;
    }
    try {
      for (;;) {
        const length = readSync(fd, chunk, 0, LOG_CHUNK, offset);
        if (length === 0) return `no line of the log matches /${probe.pattern}/`;
        offset += length;
        text = `${text}${decoder.decode(chunk.subarray(0, length), { stream: true })}`;
        if (pattern.test(text.replace(ESCAPES, ""))) return null;
        text = text.slice(-LOG_CHUNK);
      }
    } finally {
      closeSync(fd);
    }
  };
}

function tryExec(request: ReadyRequest, probe: Extract<ResolvedProbe, { type: "exec" }>): Try {
  const { record, env, openFiles, children, signal } = request;
  return async () => {
    const argv = probe.argv as [string, ...string[]];
    const child = spawnProbe({ argv, cwd: record.cwd, env }, openFiles);
    if ("error" in child) return child.error;
    children.add(child.pid);
    const kill = () => child.kill();
    const timer = setTimeout(kill, TRY_MS);
    signal.addEventListener("abort", kill);
    const code = await child.exited;
    clearTimeout(timer);
    signal.removeEventListener("abort", kill);
    children.delete(child.pid);
    return code === 0 ? null : `\`${argv.join(" ")}\` ended with ${code}`;
  };
}

function sleepUnlessAborted(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}
