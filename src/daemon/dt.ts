/**
 * What the daemon does to a launch it does as a person would: by dt itself, in a process of its own. So its answers are the command line's, nothing
 * that goes wrong there harms the daemon, and a launch never has the daemon for a host.
 */

import { existsSync } from "node:fs";
import { KNOWN_MARK } from "../supervisor/launch/marks.ts";
import { DtError, messageOf } from "../sys/base/error.ts";
import { sameBuildCommand } from "../sys/base/self.ts";
import { bunSpawn } from "../sys/spawn/bunspawn.ts";
import { withCleanLimits } from "../sys/spawn/limits.ts";

export interface Dt {
  /** Runs dt to its end. Throws `busy` when too many wait already. */
  run(args: readonly string[], options: RunOptions): Promise<Ran>;
  running(): number;
  /** Kills what still runs and was not to outlive the daemon. */
  close(): void;
}

export interface RunOptions {
  root?: string | undefined;
  env?: Record<string, string> | undefined;
  /** As a person's act: by the manifests as they are, and they are what the daemon goes by from then on. */
  asPerson?: boolean;
  /** Killed after so long. */
  limitMs: number;
}

export interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
}

const AT_ONCE = 4;
const MOST_WAITING = 256;
/** Of what is kept of its output. */
const MOST_BYTES = 8 * 1024 * 1024;

export function makeDt(env: Record<string, string>): Dt {
  const children = new Set<{ kill(signal: "SIGKILL"): void }>();
  const waiting: (() => void)[] = [];
  let running = 0;

  async function turn(): Promise<void> {
    if (running < AT_ONCE) {
      running++;
      return;
    }
    if (waiting.length >= MOST_WAITING) throw new DtError("busy", `${MOST_WAITING} requests wait already`);
    await new Promise<void>((resolve) => waiting.push(resolve));
  }

  function next(): void {
    const first = waiting.shift();
    if (first === undefined) running--;
    else first();
  }

  return {
    running: () => running,
    close() {
      for (const child of children) child.kill("SIGKILL");
    },
    async run(args, { root, env: more = {}, asPerson = false, limitMs }) {
      await turn();
      try {
        const argv = [...sameBuildCommand(), ...(root === undefined ? [] : ["-C", root]), ...args];
        const child = withCleanLimits(null, () =>
          bunSpawn(argv, {
            // Of one that is not there dt tells itself.
            cwd: root !== undefined && existsSync(root) ? root : "/",
            env: asPerson ? withoutMark({ ...env, ...more }) : { ...env, ...more },
            stdin: "ignore",
            stdout: "pipe",
            stderr: "pipe",
          }),
        );
        children.add(child);
        const timer = setTimeout(() => child.kill("SIGKILL"), limitMs);
        const [stdout, stderr] = await Promise.all([readBounded(child.stdout), readBounded(child.stderr)]);
        const code = await child.exited;
        clearTimeout(timer);
        children.delete(child);
        return { code: child.signalCode === null ? code : null, stdout, stderr };
      } catch (error) {
        throw new DtError("internal", `dt could not be run: ${messageOf(error)}`);
      } finally {
        next();
      }
    },
  };
}

function withoutMark({ [KNOWN_MARK]: _, ...env }: Record<string, string>): Record<string, string> {
  return env;
}

async function readBounded(stream: ReadableStream<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of stream) {
    bytes += piece.length;
    if (bytes <= MOST_BYTES) pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

/** What it printed, as data; its error as one. */
export function dataOf({ code, stdout, stderr }: Ran, done: readonly number[] = [0]): unknown {
  if (code !== null && done.includes(code)) return stdout.trim() === "" ? null : parseLast(stdout);
  const told = parseLast(stdout) as { error?: { code?: string; message?: string } } | null;
  if (told?.error?.message !== undefined) throw new DtError(told.error.code ?? "failed", told.error.message);
  const text = stderr.trim().replace(/^dt: /, "");
  throw new DtError(code === null ? "killed" : "failed", text === "" ? `dt ended with ${code ?? "a signal"}` : text);
}

/** The last line, as JSON where it is. */
export function parseLast(text: string): unknown {
  const last = text.trimEnd().split("\n").at(-1) ?? "";
  try {
    return JSON.parse(last);
  } catch {
    return last;
  }
}
