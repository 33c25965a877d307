/**
 * Runs one load child to its end: limits its time, keeps its last output, and kills everything it started. A signal
 * that ends dt ends the child too.
 */
import { dirname, join } from "node:path";
import { HIDDEN } from "../../sys/base/hidden.ts";
import { sameBuildCommand } from "../../sys/base/self.ts";
import { signalNumber } from "../../sys/base/signals.ts";
import { statThere } from "../../sys/door/descend.ts";
import { bunSpawn } from "../../sys/spawn/bunspawn.ts";
import { isIgnored } from "../../sys/spawn/limits.ts";
import { BEGUN_FILE, LOADING, START_LIMIT_MS } from "../depends/begun.ts";
import { LOADER_STEERING } from "../depends/digest.ts";
import { removeResult } from "./result.ts";

export interface ChildRequest {
  /** The manifest. */
  file: string;
  resultFile: string;
  /** Counted from the start of the evaluation. */
  timeoutMs: number;
  root: string;
  env: Record<string, string | undefined>;
  /** Default: this dt with `__load`. */
  loader?: string[];
}

export interface Ending {
  timedOut: boolean;
  code: number | null;
  signal: string | null;
  output: string;
}

/** How much of the child's output is kept to explain a crash. */
const OUTPUT_LIMIT = 4096;

export async function runChild(request: ChildRequest): Promise<Ending> {
  const { file, resultFile, timeoutMs, root, loader = [...sameBuildCommand(), HIDDEN.load] } = request;
  const child = bunSpawn([...loader, file, resultFile, String(timeoutMs)], {
    cwd: root,
    env: childEnvironment(request),
    detached: true,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const killGroup = () => {
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // the group is empty, as it should be
    }
  };
  const deaf = onEndingSignal(() => {
    killGroup();
    removeResult(dirname(resultFile));
  });
  let output = "";
  const keep = (text: string) => {
    output = (output + text).slice(-OUTPUT_LIMIT);
  };
  const readers = [drain(child.stdout, keep), drain(child.stderr, keep)];
  const limit = limitEvaluation(request, killGroup);
  try {
    await child.exited;
    // The child kills its own group at its end; this is for a child that was cut short.
    killGroup();
    await Promise.race([Promise.all(readers.map((reader) => reader.done)), Bun.sleep(DRAIN_MS)]);
  } finally {
    limit.close();
    deaf();
    for (const reader of readers) reader.cancel();
  }
  const { exitCode, signalCode } = child;
  return { timedOut: limit.isOver(), code: exitCode, signal: signalCode === null ? null : String(signalCode), output };
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Calls `clean` at a signal, then lets the signal end dt: Ctrl-C reaches only dt, since the child has a session of its
 * own. Returns a function that stops listening.
 */
function onEndingSignal(clean: () => void): () => void {
  const onSignal = (signal: NodeJS.Signals) => {
    clean();
    for (const name of SIGNALS) process.off(name, onSignal);
    // other listeners already got this signal; a host would take a second one for a second Ctrl-C
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  };
  // An ignored signal (under nohup) stays ignored: a listener would end that for the command too
  const heard = SIGNALS.filter((name) => !isIgnored(signalNumber(name) as number));
  for (const name of heard) process.on(name, onSignal);
  return () => {
    for (const name of heard) process.off(name, onSignal);
  };
}

/** Calls `onOver` once the evaluation has taken too long, or has not begun within START_LIMIT_MS. */
function limitEvaluation({ resultFile, timeoutMs }: ChildRequest, onOver: () => void) {
  const began = Date.now();
  const deadline = () => {
    const begun = statThere(join(dirname(resultFile), BEGUN_FILE))?.mtimeMs;
    return begun === undefined ? began + START_LIMIT_MS : begun + timeoutMs;
  };
  let isOver = false;
  // Checks whether the evaluation has begun only when it could be over, not earlier.
  const look = () => {
    const left = deadline() - Date.now();
    if (left > 0) {
      timer = setTimeout(look, Math.min(left, timeoutMs));
      return;
    }
    isOver = true;
    onOver();
  };
  let timer = setTimeout(look, timeoutMs);
  return { isOver: () => isOver, close: () => clearTimeout(timer) };
}

/** Time for the last output to arrive; a process that left the group may hold the pipe open forever. */
const DRAIN_MS = 100;

function drain(stream: ReadableStream<Uint8Array>, keep: (text: string) => void) {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  const done = (async () => {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      keep(decoder.decode(value, { stream: true }));
    }
  })().catch(() => undefined);
  return { done, cancel: () => void reader.cancel().catch(() => undefined) };
}

function childEnvironment({ env, root }: ChildRequest): Record<string, string> {
  const clean: Record<string, string> = {};
  for (const [name, value] of Object.entries(env))
    if (value !== undefined && !LOADER_STEERING.test(name)) clean[name] = value;
  clean.DIALTONE_ROOT = root;
  clean[LOADING] = "1";
  return clean;
}
