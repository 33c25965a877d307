/**
 * The ground every end-to-end test stands on: a temporary project root with a home of its own, the compiled binary run
 * in it, and, at the end, proof that no process of that root is left.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { makeSeal, type Seal } from "../src/sys/seal/seal.ts";
import { makeTemporary } from "./kit/temporary.ts";

export const REPOSITORY = resolve(import.meta.dir, "..");
export const DT = process.env.DT_BINARY ?? join(REPOSITORY, "dist", "dt");

export interface Result {
  code: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  cwd?: string;
  /** Added to the root's environment; undefined removes. */
  env?: Record<string, string | undefined>;
  stdin?: string;
  /** The call is killed and the test fails after this time. Default 30 s. */
  timeoutMs?: number;
}

/**
 * Words that run what follows as on a system where a launch gets no lineage (sys/process/lineage.ts): an administrator limited
 * file locks.
 */
export const WITHOUT_LINEAGE = ["bash", "-c", 'ulimit -x 1024 && exec "$@"', "--"];

export class TestRoot {
  /** Words before the binary, in each call of it. */
  prefix: readonly string[] = [];

  private constructor(
    /** Everything of this test lies below; real path. */
    readonly base: string,
    readonly dir: string,
    readonly home: string,
  ) {}

  /** Makes `<tmp>/dt-test-…/root` with these files (a manifest is just a file under `manifests/`). */
  static create(files: Record<string, string> = {}, name = "root"): TestRoot {
    const base = makeTemporary("test");
    const root = new TestRoot(base, join(base, name), join(base, "home"));
    mkdirSync(join(root.dir, "manifests"), { recursive: true });
    mkdirSync(root.home, { recursive: true });
    for (const [path, text] of Object.entries(files)) root.write(path, text);
    return root;
  }

  get run(): string {
    return join(this.dir, ".dialtone", "run");
  }

  get env(): Record<string, string> {
    return {
      PATH: process.env.PATH ?? "/usr/bin:/bin",
      HOME: this.home,
      DIALTONE_HOME: join(this.home, ".dialtone"),
      TMPDIR: this.base,
      LANG: "C.UTF-8",
      TERM: "dumb",
      // What a test makes it trusts; those of trust itself take it away.
      DIALTONE_TRUST: "1",
    };
  }

  write(path: string, text: string): string {
    const file = resolve(this.dir, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  }

  read(path: string): string {
    return readFileSync(resolve(this.dir, path), "utf8");
  }

  /** Of the run directory, with this root's user's secret: what is written with it is taken for dt's own. */
  get seal(): Seal {
    return makeSeal(this.run, this.env.DIALTONE_HOME as string);
  }

  /**
   * Writes a state file by hand as the user's own dt would have: for tests about what it says, not about who wrote it.
   */
  writeState(path: string, value: object): string {
    const { seal: _, ...content } = value as Record<string, unknown>;
    return this.write(path, this.seal.close(resolve(this.dir, path), content));
  }

  /** Starts the binary without waiting for it. */
  spawn(args: string[], options: RunOptions = {}) {
    const env: Record<string, string> = { ...this.env };
    for (const [name, value] of Object.entries(options.env ?? {})) {
      if (value === undefined) delete env[name];
      else env[name] = value;
    }
    return Bun.spawn([...this.prefix, DT, ...args], {
      cwd: options.cwd ?? this.dir,
      env,
      stdin: options.stdin === undefined ? "ignore" : new TextEncoder().encode(options.stdin),
      stdout: "pipe",
      stderr: "pipe",
    });
  }

  /** Runs the binary to its end. */
  async dt(args: string[], options: RunOptions = {}): Promise<Result> {
    const child = this.spawn(args, options);
    const limit = options.timeoutMs ?? 30_000;
    const timer = setTimeout(() => child.kill("SIGKILL"), limit);
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    await child.exited;
    clearTimeout(timer);
    return {
      code: child.exitCode,
      signal: child.signalCode === null ? null : String(child.signalCode),
      stdout,
      stderr,
    };
  }

  /** Pids whose environment or command line names this root: what a clean test leaves empty. */
  processes(): number[] {
    const found: number[] = [];
    for (const name of readdirSync("/proc")) {
      const pid = Number(name);
      if (!Number.isInteger(pid) || pid === process.pid) continue;
      try {
        const text = readFileSync(`/proc/${pid}/environ`, "latin1") + readFileSync(`/proc/${pid}/cmdline`, "latin1");
        const state = readFileSync(`/proc/${pid}/stat`, "latin1").replace(/^.*\)/s, "").trim()[0];
        if (state !== "Z" && text.includes(this.base)) found.push(pid);
      } catch {
        // gone meanwhile, or not ours to read
      }
    }
    return found;
  }

  /** Stops everything of the root, removes its files, and throws when a process was left. */
  async dispose(): Promise<void> {
    await this.dt(["stop", "--all"]).catch(() => undefined);
    const deadline = Date.now() + 3000;
    while (this.processes().length > 0 && Date.now() < deadline) await Bun.sleep(20);
    const left = this.processes();
    const named = left.map((pid) => `${pid} ${describeProcess(pid)}`);
    for (const pid of left) process.kill(pid, "SIGKILL");
    rmSync(this.base, { recursive: true, force: true });
    if (left.length > 0) throw new Error(`processes left behind by the test:\n${named.join("\n")}`);
  }
}

function describeProcess(pid: number): string {
  try {
    const state = /^State:\s*(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
    return `${state}: ${readFileSync(`/proc/${pid}/cmdline`, "latin1").replaceAll("\0", " ")}`;
  } catch {
    return "gone meanwhile";
  }
}

/** Runs `body`, and disposes of the root however it ends. */
export async function within<T>(root: TestRoot, body: (root: TestRoot) => Promise<T>): Promise<T> {
  try {
    return await body(root);
  } finally {
    await root.dispose();
  }
}

/** Waits until `probe` gives something other than false, null or undefined; throws after the deadline. */
export async function until<T>(
  what: string,
  probe: () => T | Promise<T>,
  deadlineMs = 10_000,
): Promise<Exclude<T, false | null | undefined>> {
  const end = Date.now() + deadlineMs;
  for (;;) {
    const value = await probe();
    if (value !== false && value !== null && value !== undefined) return value as Exclude<T, false | null | undefined>;
    if (Date.now() > end) throw new Error(`waited ${deadlineMs} ms in vain until ${what}`);
    await Bun.sleep(10);
  }
}

/** Waits until `probe` gives the same in ten looks in a row: what it shows has come to rest. */
export async function settled(what: string, probe: () => number): Promise<number> {
  let [last, alike] = [probe(), 0];
  await until(`${what} has come to rest`, () => {
    const now = probe();
    alike = now === last ? alike + 1 : 0;
    last = now;
    return alike === 10;
  });
  return last;
}

/**
 * Looks again and again for this time, and throws at the first look at which `check` does not hold: for what must not
 * happen and no event rules out.
 */
export async function stays(what: string, check: () => boolean | Promise<boolean>, forMs: number): Promise<void> {
  for (const end = performance.now() + forMs; performance.now() < end; await Bun.sleep(10))
    if (!(await check())) throw new Error(`it did not stay so: ${what}`);
}

/**
 * Sends a signal that dt has had already until it has ended of it: what comes within 300 ms of the first is the same
 * press.
 */
export async function pressUntilEnded(
  child: Pick<Bun.Subprocess, "kill" | "exitCode" | "signalCode">,
  signal: NodeJS.Signals,
) {
  await until(`another ${signal} ended it`, () => {
    child.kill(signal);
    return child.exitCode !== null || child.signalCode !== null;
  });
}
