/**
 * Whatever the daemon does to a launch, it does as a person would: by dt itself, in a process of its own. So its
 * answers are those of the command line, a fault there does not harm the daemon, and no launch has the daemon for a
 * host.
 */
import { existsSync } from "node:fs";
import { KNOWN_MARK } from "../supervisor/launch/marks.ts";
import { selfArgv } from "../supervisor/launch/selfargv.ts";
import { DtError, messageOf } from "../sys/base/error.ts";
import { sameBuildCommand } from "../sys/base/self.ts";
import { bunSpawn } from "../sys/spawn/bunspawn.ts";
import { withCleanLimits } from "../sys/spawn/childstart.ts";

export interface Dt {
  /** Runs dt to its end. Throws `busy` when too many calls wait already. */
  run(args: readonly string[], options: RunOptions): Promise<Ran>;
  running(): number;
  /** Kills those that still run: they must not outlive the daemon. */
  close(): void;
}

export interface RunOptions {
  root?: string | undefined;
  env?: Record<string, string> | undefined;
  /** As a person's act: reads the manifests as they are now, and the daemon follows these from then on. */
  asPerson?: boolean;
  /** Killed after this time. */
  limitMs: number;
}

export interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
}

const AT_ONCE = 4;
const MOST_WAITING = 256;
/** Of its output; the rest is dropped. */
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
        const argv = selfArgv(sameBuildCommand(), { root, words: args });
        const child = withCleanLimits({ openFiles: null }, () =>
          bunSpawn(argv, {
            // dt itself reports a root that is not there.
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

/** What dt printed, as data. Throws the error that it reported. */
export function dataOf({ code, stdout, stderr }: Ran, done: readonly number[] = [0]): unknown {
  if (code !== null && done.includes(code)) return stdout.trim() === "" ? null : parseLast(stdout);
  const said = parseLast(stdout) as { error?: { code?: string; message?: string } } | null;
  if (said?.error?.message !== undefined) throw new DtError(said.error.code ?? "failed", said.error.message);
  const text = stderr.trim().replace(/^dt: /, "");
  throw new DtError(code === null ? "killed" : "failed", text === "" ? `dt ended with ${code ?? "a signal"}` : text);
}

/** The last line, parsed where it is JSON. */
export function parseLast(text: string): unknown {
  const last = text.trimEnd().split("\n").at(-1) ?? "";
  try {
    return JSON.parse(last);
  } catch {
    return last;
  }
}
