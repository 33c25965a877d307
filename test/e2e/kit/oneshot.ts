/**
 * What the tests of one-shots share: a manifest from a table of commands, and a shell that calls the binary as `"$DT"`.
 */
import { DT, type Result, type RunOptions, type TestRoot, until } from "../../kit.ts";

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

/** A program on a terminal of its own, driven by what a person would type and see. */
export function onTerminal(root: TestRoot, argv: string[], env: Record<string, string> = {}) {
  let text = "";
  const data = (_terminal: unknown, bytes: Uint8Array) => {
    text += new TextDecoder().decode(bytes);
  };
  const child = Bun.spawn(argv, {
    cwd: root.dir,
    env: { ...root.env, DT, PS1: "$ ", ...env },
    terminal: { cols: 80, rows: 24, data },
  });
  return {
    child,
    type: (keys: string) => child.terminal?.write(keys),
    resize: (columns: number, rows: number) => child.terminal?.resize(columns, rows),
    /** Waits for this in what has appeared since the last wait; gives the match. */
    async sees(pattern: RegExp): Promise<RegExpExecArray> {
      const found = await until(`the terminal shows ${pattern}`, () => pattern.exec(text)).catch((error: Error) => {
        throw new Error(`${error.message}; it shows:\n${text}`);
      });
      text = text.slice(found.index + found[0].length);
      return found;
    },
    async close(): Promise<void> {
      child.kill("SIGKILL");
      await child.exited;
      child.terminal?.close();
    },
  };
}
