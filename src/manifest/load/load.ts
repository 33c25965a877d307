/**
 * The parent's side of loading: each manifest in a short-lived child with a time limit. A manifest that hangs, exits or
 * crashes becomes a failure and leaves nothing behind.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { messageOf } from "../../sys/base/error.ts";
import { HIDDEN } from "../../sys/base/hidden.ts";
import { sameBuildCommand } from "../../sys/base/self.ts";
import { signalNumber } from "../../sys/base/signals.ts";
import { descend, descendInto, statThere } from "../../sys/door/descend.ts";
import { readOwn } from "../../sys/door/door.ts";
import { whoMaySwap } from "../../sys/places/ownplace.ts";
import { makePrivateDirectory } from "../../sys/places/privatedirectory.ts";
import { bunSpawn } from "../../sys/spawn/bunspawn.ts";
import { isIgnored } from "../../sys/spawn/limits.ts";
import { checkNullDevice } from "../../sys/spawn/null.ts";
import { BEGUN_FILE, LOADING, START_LIMIT_MS } from "../depends/begun.ts";
import { STEERING } from "../depends/digest.ts";
import { failed, type LoadResult, NOTHING_SEEN, type Outcome } from "../model/outcome.ts";

/** Far more than a manifest needs, yet short enough to wait for once. Counted from the start of its evaluation. */
const LOAD_TIMEOUT_MS = 5000;

/** How much of the child's output is kept to explain a crash. */
const OUTPUT_LIMIT = 4096;

export interface LoadOptions {
  root: string;
  env: Record<string, string | undefined>;
  /** Default 5000. */
  timeoutMs?: number;
  /** The command that runs the load child; file and result file are appended. Default: this dt with `__load`. */
  loader?: string[];
  /** Where the child puts its result if the temporary directory cannot be used. */
  cacheDir?: string;
}

export async function loadManifest(file: string, options: LoadOptions): Promise<LoadResult> {
  const timeoutMs = options.timeoutMs ?? LOAD_TIMEOUT_MS;
  let directory: string;
  try {
    checkNullDevice();
  } catch (error) {
    return passing(file, "not-started", `cannot be loaded: ${messageOf(error).replace(/\.$/, "")}`);
  }
  try {
    directory = makeResultDirectory(options);
  } catch (error) {
    return passing(file, "unreadable", `cannot be loaded: there is no place for its result: ${messageOf(error)}`);
  }
  try {
    const resultFile = join(directory, "result.json");
    const ending = await runChild(file, resultFile, timeoutMs, options);
    if (ending.timedOut && statThere(join(directory, BEGUN_FILE)) === undefined) {
      const reason = `cannot be loaded: this machine is so busy that its process did not start within ${START_LIMIT_MS / 1000} s`;
      return passing(file, "not-started", reason);
    }
    if (ending.timedOut) {
      const message = `${file}: did not finish loading within ${timeoutMs / 1000} s.`;
      return {
        ...NOTHING,
        outcome: failed({
          file,
          code: "timeout",
          message,
          hint: "Look for an endless loop or an `await` that waits for something slow.",
        }),
      };
    }
    return readResult(resultFile) ?? { ...NOTHING, outcome: crashed(file, ending), lasting: ending.signal === null };
  } catch (error) {
    return passing(file, "not-started", `cannot be loaded: no process could be started for it: ${messageOf(error)}`);
  } finally {
    removeResult(directory);
  }
}

/** If it cannot be removed it stays, and nothing depends on it. */
function removeResult(directory: string): void {
  try {
    descend(directory, (at) => rmSync(at, { recursive: true, force: true }));
  } catch {
    // stays
  }
}

/**
 * In the temporary directory, or in the cache directory if that is not possible: on a read-only system, where
 * DIALTONE_RUN_DIR moves the cache to a writable place, or where another user could replace the result. dt runs what
 * the result says.
 */
function makeResultDirectory({ env, cacheDir }: LoadOptions): string {
  try {
    const temporary = env.TMPDIR || tmpdir();
    const swapper = whoMaySwap(temporary);
    if (swapper !== null) throw new Error(`files in ${temporary} could be replaced, since ${swapper}`);
    return mkdtempSync(join(temporary, "dt-load-"));
  } catch (error) {
    if (cacheDir === undefined) throw error;
    try {
      makePrivateDirectory(cacheDir);
      const made = descendInto(cacheDir, (at) => mkdtempSync(join(at, "dt-load-")));
      return join(cacheDir, basename(made));
    } catch {
      throw error; // the temporary directory is what a user would look at
    }
  }
}

const NOTHING = { ...NOTHING_SEEN, lasting: true };

function passing(file: string, code: string, reason: string): LoadResult {
  return { ...NOTHING, outcome: failed({ file, code, message: `${file}: ${reason}.` }), lasting: false };
}

function readResult(path: string): LoadResult | null {
  try {
    return JSON.parse(readOwn(path).toString("utf8")) as LoadResult;
  } catch {
    return null; // never written: the child ended first
  }
}

interface Ending {
  timedOut: boolean;
  code: number | null;
  signal: string | null;
  output: string;
}

async function runChild(file: string, resultFile: string, timeoutMs: number, options: LoadOptions): Promise<Ending> {
  const command = [...(options.loader ?? [...sameBuildCommand(), HIDDEN.load]), file, resultFile, String(timeoutMs)];
  const child = bunSpawn(command, {
    cwd: options.root,
    env: childEnvironment(options),
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
  // Ctrl-C reaches only dt: the child has a session of its own
  const onSignal = (signal: NodeJS.Signals) => {
    killGroup();
    removeResult(dirname(resultFile));
    for (const name of SIGNALS) process.off(name, onSignal);
    // other listeners already got this signal; a host would take a second one for a second Ctrl-C
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  };
  // An ignored signal (under nohup) stays ignored: a listener would end that for the command too
  const heard = SIGNALS.filter((name) => !isIgnored(signalNumber(name) as number));
  for (const name of heard) process.on(name, onSignal);
  const ending: Ending = { timedOut: false, code: null, signal: null, output: "" };
  const keep = (text: string) => {
    ending.output = (ending.output + text).slice(-OUTPUT_LIMIT);
  };
  const readers = [drain(child.stdout, keep), drain(child.stderr, keep)];
  const began = Date.now();
  const deadline = () => {
    const begun = statThere(join(dirname(resultFile), BEGUN_FILE))?.mtimeMs;
    return begun === undefined ? began + START_LIMIT_MS : begun + timeoutMs;
  };
  let timer: ReturnType<typeof setTimeout>;
  // Checks whether the evaluation has begun only when it could be over, not earlier.
  const look = () => {
    const left = deadline() - Date.now();
    if (left > 0) {
      timer = setTimeout(look, Math.min(left, timeoutMs));
      return;
    }
    ending.timedOut = true;
    killGroup();
  };
  timer = setTimeout(look, timeoutMs);
  try {
    await child.exited;
    // The child kills its own group at its end; this is for a child that was cut short.
    killGroup();
    await Promise.race([Promise.all(readers.map((reader) => reader.done)), Bun.sleep(DRAIN_MS)]);
  } finally {
    clearTimeout(timer);
    for (const name of heard) process.off(name, onSignal);
    for (const reader of readers) reader.cancel();
  }
  return { ...ending, code: child.exitCode, signal: child.signalCode === null ? null : String(child.signalCode) };
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

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

function childEnvironment({ env, root }: LoadOptions): Record<string, string> {
  const clean: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) if (value !== undefined && !STEERING.test(name)) clean[name] = value;
  clean.DIALTONE_ROOT = root;
  clean[LOADING] = "1";
  return clean;
}

function crashed(file: string, { code, signal, output }: Ending): Outcome {
  const how = signal === null ? `ended with exit code ${code}` : `was killed by ${signal}`;
  const last = output.trim().split("\n").slice(-5).join("\n");
  return failed({
    file,
    code: "exits",
    message: `${file}: the process loading it ${how} before it finished.`,
    hint: last === "" ? null : `Its last output:\n${last}`,
  });
}
