/**
 * The parent's side of loading: each manifest in a short-lived child with a time limit. A manifest that hangs, exits or
 * crashes becomes a failure and leaves nothing behind.
 */
import { join } from "node:path";
import { messageOf } from "../../sys/base/error.ts";
import { statThere } from "../../sys/door/descend.ts";
import { checkNullDevice } from "../../sys/spawn/null.ts";
import { BEGUN_FILE, START_LIMIT_MS } from "../depends/begun.ts";
import { failed, type LoadResult, NOTHING_SEEN, type Outcome } from "../model/outcome.ts";
import { makeResultDirectory, readResult, removeResult } from "./result.ts";
import { type Ending, runChild } from "./runchild.ts";

/** Far more than a manifest needs, yet short enough to wait for once. Counted from the start of its evaluation. */
const LOAD_TIMEOUT_MS = 5000;

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
    return passing(file, { code: "not-started", reason: `cannot be loaded: ${messageOf(error).replace(/\.$/, "")}` });
  }
  try {
    directory = makeResultDirectory(options);
  } catch (error) {
    return passing(file, {
      code: "unreadable",
      reason: `cannot be loaded: there is no place for its result: ${messageOf(error)}`,
    });
  }
  try {
    const resultFile = join(directory, "result.json");
    const ending = await runChild({ ...options, file, resultFile, timeoutMs });
    if (ending.timedOut && statThere(join(directory, BEGUN_FILE)) === undefined) {
      const reason = `cannot be loaded: this machine is so busy that its process did not start within ${START_LIMIT_MS / 1000} s`;
      return passing(file, { code: "not-started", reason });
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
    return passing(file, {
      code: "not-started",
      reason: `cannot be loaded: no process could be started for it: ${messageOf(error)}`,
    });
  } finally {
    removeResult(directory);
  }
}

const NOTHING = { ...NOTHING_SEEN, lasting: true };

function passing(file: string, { code, reason }: { code: string; reason: string }): LoadResult {
  return { ...NOTHING, outcome: failed({ file, code, message: `${file}: ${reason}.` }), lasting: false };
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
