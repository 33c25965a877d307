/**
 * One attempt at a probe, for readiness or liveness: null when it succeeded, else a phrase for the user saying why it
 * did not. A port counts only when a process of this launch listens on it.
 */
import { closeSync, constants, existsSync, fstatSync, readSync } from "node:fs";
import type { ResolvedProbe } from "../../manifest/model/resolved.ts";
import { lazy } from "../../sys/base/lazy.ts";
import { openOwn } from "../../sys/door/door.ts";
import { movedWith } from "../ground/moving.ts";
import { stackMark } from "../launch/stackmark.ts";
import { findOwn } from "../port/ownership.ts";
import type { Attempt, ProbeContext } from "./types.ts";

/** `began`: when the waiting began, for a `delay`. */
export function makeAttempt(asked: ProbeContext, { probe, began }: { probe: ResolvedProbe; began: number }): Attempt {
  return KINDS[probe.type](asked, probe as never, began);
}

const KINDS: {
  [T in ResolvedProbe["type"]]: (
    request: ProbeContext,
    probe: Extract<ResolvedProbe, { type: T }>,
    began: number,
  ) => Attempt;
} = {
  http: (request, probe) => later(async () => (await import("./http.ts")).tryHttp(request, probe)),
  port: tryPort,
  log: tryLog,
  exec: (request, probe) => later(async () => (await import("./exec.ts")).tryExec(request, probe)),
  stack: (request) => async () =>
    existsSync(stackMark(request.ground, request.record.token)) ? null : "its containers are not started yet",
  delay: (_request, probe, began) => async () => {
    const left = probe.ms - (performance.now() - began);
    return left <= 0 ? null : `${probe.ms}ms have not passed`;
  },
};

/** Loads a kind of probe only for the launches that use it. */
function later(make: () => Promise<Attempt>): Attempt {
  const made = lazy(make);
  return async (limitMs) => (await made())(limitMs);
}

function tryPort(request: ProbeContext, probe: Extract<ResolvedProbe, { type: "port" }>): Attempt {
  const port = probe.port ?? request.record.port;
  return async () => {
    if (port === null) return "ready.port is true, but the command has no port";
    const found = findOwn(request, { port });
    if (found.is === "missing") return found.why;
    if (found.unknown !== null) request.note(`${request.record.key}: ${found.unknown}`);
    return null;
  };
}

/** Escape sequences are removed before matching, so a coloured word is found, even if it spans two reads. */
const ESCAPES = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])/g;
const LOG_CHUNK = 64 * 1024;

function tryLog(
  { ground, record, env, signal, note }: ProbeContext,
  probe: Extract<ResolvedProbe, { type: "log" }>,
): Attempt {
  const pattern = lazy(() => {
    const { makePattern } = require("../../sys/pattern/pattern.ts") as typeof import("../../sys/pattern/pattern.ts");
    return makePattern(probe.pattern, { lines: true });
  });
  let decoder = new TextDecoder();
  const chunk = Buffer.alloc(LOG_CHUNK);
  let offset = 0;
  let text = "";
  let slow = false;
  return async (limitMs) => {
    const began = performance.now();
    let fd: number;
    try {
      fd = openOwn(movedWith(ground, env)(record.log), { flags: constants.O_RDONLY });
    } catch {
      return `the log ${record.log} does not exist`;
    }
    try {
      // The log was truncated: what comes now begins at its start.
      if (fstatSync(fd).size < offset) {
        offset = 0;
        text = "";
        decoder = new TextDecoder();
      }
      // A log may grow as fast as it is read: each attempt ends, and everything else in the host gets its turn.
      while (!signal.aborted && performance.now() - began < limitMs) {
        const length = readSync(fd, chunk, 0, LOG_CHUNK, offset);
        if (length === 0) break;
        offset += length;
        text = `${text}${decoder.decode(chunk.subarray(0, length), { stream: true })}`;
        const found = pattern().test(text.replace(ESCAPES, ""));
        if (found === true) return null;
        if (found === null && !slow) note(slowPattern(record.key, probe.pattern));
        slow ||= found === null;
        text = found === null ? "" : lastLines(text);
        if (found === null) break;
        await new Promise(setImmediate);
      }
      return `no line of the log matches /${probe.pattern}/${slow ? ", which took too long on some" : ""}`;
    } finally {
      closeSync(fd);
    }
  };
}

function slowPattern(key: string, pattern: string): string {
  return `${key}: its ready.log, /${pattern}/, took too long on a part of the log, so this part, and any other such, counts as no match`;
}

/** At most one chunk, from the start of a line if one starts in it: `^` must not match in the middle of a line. */
function lastLines(text: string): string {
  const last = text.slice(-LOG_CHUNK);
  return last.length < text.length ? last.slice(last.search(/[\r\n]/) + 1) : last;
}
