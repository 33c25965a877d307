/**
 * A host's process, `dt __host`: it listens for callers, serves what they ask for, and ends with the last launch that
 * it serves. If it is killed at any instant, what it served runs on: see supervisor/host/host.ts, and
 * supervisor/callers/reach.ts for what the next caller finds.
 *
 *   killed                             what its callers find
 *   --------------------------------   -----------------------------------------------------------------------------
 *   before it listens                  its report ends: `host-lost`
 *   after it said hello                the connection ends: they ask another host
 *   while it starts a launch           the same; supervisor/start/start.ts says what that host finds
 *   while it serves                    nothing more is reported, and the launch has a host that is gone: the root's
 *                                      next host serves it (hostless.ts)
 */
import type { Stats } from "node:fs";
import { dirname } from "node:path";
import { DtError, EXIT, messageOf } from "../../sys/base/error.ts";
import { linkStatOf } from "../../sys/base/stat.ts";
import { tryUnlink } from "../../sys/files/removal.ts";
import { ownInheritance } from "../../sys/inherit/inheritance.ts";
import { ownKeyring } from "../../sys/inherit/keyring.ts";
import { giveBackProgramText } from "../../sys/kernel/programtext.ts";
import { type LineServer, listenForLines } from "../../sys/net/lineserver.ts";
import { identifySelf } from "../../sys/process/identity.ts";
import { makeProcessTable } from "../../sys/process/table.ts";
import { raiseSoftLimits } from "../../sys/spawn/limits.ts";
import { writeText } from "../../sys/stdio/stdio.ts";
import { type Birth, type HostAsk, type HostWord, LONGEST_REQUEST } from "../callers/wire.ts";
import { RESTART_SIGNAL } from "../host/request.ts";
import { toFailure } from "../launch/failure.ts";
import type { LaunchSpec } from "../launch/types.ts";
import { type Caller, makeCallers } from "./callers.ts";
import { dropDeclined, groundOfRequest } from "./ground.ts";
import { type Hosting, type HostProcess, makeHosting } from "./hosting.ts";
import { type HostlessLook, makeHostlessLook } from "./hostless.ts";
import { serveStart } from "./serve.ts";

/** How long it waits for its first request when no caller is connected, in milliseconds. */
const FIRST_MS = 2000;
/** How long what it said may take to reach its callers when it ends, in milliseconds. */
const FLUSH_MS = 200;
/** How long after the last request the host is idle, in milliseconds. */
const SETTLED_MS = 1000;

interface Room {
  hosting: Hosting;
  hostless: HostlessLook;
  strays: Set<(text: string) => boolean>;
}

/** `words`: the root, for those who list processes; the socket; `own` for a host of one caller alone. */
export async function runHost(own: HostProcess, words: readonly string[]): Promise<number> {
  try {
    return await beginHost(own, words);
  } catch (error) {
    report({ is: "failed", error: toFailure(error) });
    return EXIT.internal;
  }
}

async function beginHost(own: HostProcess, [, address = "", of]: readonly string[]): Promise<number> {
  const isOwn = of === "own";
  raiseSoftLimits();
  const strays = new Set<(text: string) => boolean>();
  const onStray = (text: string) => {
    for (const tell of [...strays]) if (!tell(text)) strays.delete(tell);
    if (strays.size === 0) complain(text);
  };
  const hosting = makeHosting({
    process: own,
    isOwn,
    table: makeProcessTable(),
    waiting: () => callers.waiting(),
    onStray,
  });
  const room: Room = { hosting, hostless: makeHostlessLook(hosting, complain), strays };
  const idle = Promise.withResolvers<void>();
  const endIfIdle = () => {
    if (hosting.works.size === 0 && callers.count() === 0) idle.resolve();
  };
  setTimeout(endIfIdle, FIRST_MS);
  const callers = makeCallers({
    isOwn,
    isLeaving: hosting.isLeaving,
    onGone: endIfIdle,
    onDeclined: (request) => dropDeclined(hosting, request),
    onRequest(request, caller) {
      freeLater();
      // Nobody else is to find it.
      if (isOwn) tryUnlink(address);
      take(room, { request, caller });
    },
  });
  // The memory that starting needed is not needed while they run.
  const freeLater = debounce(() => {
    Bun.gc(true);
    giveBackProgramText();
  }, SETTLED_MS);
  for (const signal of ["SIGINT", "SIGHUP"] as const) process.on(signal, () => {});
  process.on("SIGTERM", () => {
    for (const work of hosting.works) work.stop({ is: "terminate", by: "signal", signal: "SIGTERM" });
  });
  process.on(RESTART_SIGNAL, () => {
    for (const work of hosting.works) work.claim();
  });
  const server = listenAt(address, callers);
  report({ is: "listening" });
  prepareForRequests(hosting);
  await Promise.race([hosting.over, idle.promise]);
  await Promise.race([callers.flushed(), Bun.sleep(FLUSH_MS)]);
  server.stop();
  return EXIT.done;
}

function take({ hosting, hostless, strays }: Room, { request, caller }: { request: HostAsk; caller: Caller }): void {
  const env = hosting.sharedEnv(request.env);
  const whole = <T extends { env?: Record<string, string> }>(spec: T): T =>
    Object.assign(spec, { env: spec.env ?? env, ...(caller.inherits === null ? {} : { inherits: caller.inherits }) });
  const makeGround = () => groundOfRequest(hosting, { ...request, env });
  try {
    if (request.is === "adopt") {
      hostless.now(makeGround);
      caller.end();
      return;
    }
    const ground = makeGround();
    const { cancel } = caller;
    // Who gets nothing from the root takes over nothing of it.
    const lookForHostless = () => request.ground.isStrange !== true && hostless.soon(makeGround);
    const tell = (word: HostWord) => {
      // A start may have killed a host that did not let go of the old launch.
      if (isOverFor(word)) lookForHostless();
      if (!caller.tell(word) && word.is === "failed") complain(word.error.message);
    };
    if (request.is === "start") {
      const spec: LaunchSpec = whole(request.spec);
      serveStart(hosting, { ground, spec, report: tell, cancel });
    } else {
      const hear = (text: string) => caller.tell({ is: "launch", key: "", event: { is: "note", text } });
      strays.add(hear);
      for (const { run } of request.nodes) whole(run.spec as LaunchSpec);
      const served = require("./serveup.ts") as typeof import("./serveup.ts");
      served.serveUp(hosting, {
        ground,
        nodes: request.nodes,
        emit: tell,
        cancel,
      });
    }
    lookForHostless();
  } catch (error) {
    caller.tell({ is: "failed", error: toFailure(error) });
    caller.end();
  }
}

/** A start was done, or could not be. */
function isOverFor(word: HostWord): boolean {
  return word.is === "launch" ? isOverFor(word.event) : word.is === "spawned" || word.is === "failed";
}

/** Finds out what every request needs, while the first caller still reads its manifests. */
function prepareForRequests({ table }: Hosting): void {
  try {
    identifySelf(table);
    ownKeyring();
    ownInheritance();
  } catch {
    // the first request fails by it, and tells its caller
  }
}

function debounce(act: () => void, ms: number): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(act, ms);
    timer.unref();
  };
}

/** Throws `host-address`. */
function listenAt(address: string, { accept }: ReturnType<typeof makeCallers>): LineServer {
  const there = linkStatOf(address);
  if (there?.isSocket()) tryUnlink(address);
  else if (there !== undefined)
    throw new DtError(
      "host-address",
      `Expected nothing, or a socket that a killed host left, at ${address}, but there is ${whatIs(there)}.`,
      { status: EXIT.failed, hint: `Remove it: rm -r ${address}` },
    );
  try {
    return listenForLines(address, { accept, longestLine: LONGEST_REQUEST });
  } catch (error) {
    throw new DtError("host-address", `The root's host cannot listen at ${address}: ${messageOf(error)}.`, {
      status: EXIT.failed,
      hint: `Make room in ${dirname(address)}, or set XDG_RUNTIME_DIR to another directory of yours (mode 0700).`,
      cause: error,
    });
  }
}

function whatIs(there: Stats): string {
  if (there.isDirectory()) return "a directory";
  if (there.isSymbolicLink()) return "a link";
  return there.isFIFO() ? "a pipe" : "a file";
}

function report(birth: Birth): void {
  writeText(1, `${JSON.stringify(birth)}\n`);
}

/** For the run directory's host.err. */
function complain(text: string): void {
  writeText(2, `${new Date().toISOString()} ${text}\n`);
}
