/** What the tests of one-shots share: a manifest from a table of commands, and a shell that calls the binary as `"$DT"`. */
import { DT, type Result, type RunOptions, type TestRoot } from "../kit.ts";

/** A manifest in JSON: loading it needs no TypeScript. */
export function manifestOf(name: string, commands: Record<string, object>, more: object = {}): string {
  const oneshots = Object.entries(commands).map(([command, fields]) => [command, { kind: "oneshot", ...fields }]);
  return JSON.stringify({ name, ...more, commands: Object.fromEntries(oneshots) });
}

/** Runs any program with the root's environment, its output as bytes. */
export async function execute(root: TestRoot, argv: string[], options: RunOptions & { input?: Uint8Array } = {}) {
  const env: Record<string, string> = { ...root.env, DT };
  for (const [name, value] of Object.entries(options.env ?? {})) {
    if (value === undefined) delete env[name];
    else env[name] = value;
  }
  const child = Bun.spawn(argv, {
    cwd: options.cwd ?? root.dir,
    env,
    stdin: options.input ?? "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), options.timeoutMs ?? 30_000);
  const [stdout, stderr] = await Promise.all([child.stdout.bytes(), child.stderr.text()]);
  await child.exited;
  clearTimeout(timer);
  const signal = child.signalCode === null ? null : String(child.signalCode);
  return { code: child.exitCode, signal, bytes: stdout, stdout: new TextDecoder().decode(stdout), stderr };
}

/** Runs a script in `sh` (or `bash`), which finds the binary in `$DT`. */
export function shell(root: TestRoot, script: string, options: RunOptions & { shell?: string } = {}): Promise<Result> {
  return execute(root, [options.shell ?? "sh", "-c", script], options);
}

/** Splits what `cat /proc/<pid>/cmdline` gives. */
export function words(cmdline: string): string[] {
  return cmdline.split("\0").slice(0, -1);
}
