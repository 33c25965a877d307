/**
 * What the tests of trust share: a root of a stranger's, in which nothing is trusted, and marks that code leaves where
 * it is evaluated.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DT, type Result, type RunOptions, TestRoot } from "../../kit.ts";

/** Neither trusts what is there, whatever the machine that runs the tests has set. */
export const STRANGE = { DIALTONE_TRUST: undefined, CI: undefined } as const;

export interface Strange {
  root: TestRoot;
  /** Runs dt as a user who never ran anything in the root. */
  dt(args: readonly string[], options?: RunOptions): Promise<Result>;
  /** Code that leaves this mark when it is evaluated. */
  mark(name: string): string;
  /** The marks that were left, sorted; they are taken away. */
  marks(): string[];
  /** Forgets all that this user ever trusted, and what was cached. */
  forget(): void;
  dispose(): Promise<void>;
}

/** `files`: made with the marks at hand. */
export function strangeRoot(files: (mark: Strange["mark"]) => Record<string, string>): Strange {
  const root = TestRoot.create();
  const place = join(root.base, "marks");
  mkdirSync(place);
  const mark = (name: string) => `require("node:fs").writeFileSync(${JSON.stringify(join(place, name))}, "");`;
  for (const [path, text] of Object.entries(files(mark))) root.write(path, text);
  return {
    root,
    dt: (args, options = {}) => root.dt([...args], { ...options, env: { ...STRANGE, ...options.env } }),
    mark,
    marks() {
      const left = readdirSync(place).sort();
      for (const name of left) rmSync(join(place, name));
      return left;
    },
    forget() {
      for (const path of [join(root.dir, ".dialtone"), root.env.DIALTONE_HOME as string])
        rmSync(path, { recursive: true, force: true });
    },
    async dispose() {
      await root.dt(["daemon", "stop"]).catch(() => undefined);
      await root.dispose();
    },
  };
}

/** Whether there may be two users here. */
export const CANNOT_BE_TWO = process.geteuid?.() !== 0 || Bun.which("setpriv") === null;

/** Runs dt as another user, with that user's own environment. */
export async function dtAs(
  uid: number,
  args: readonly string[],
  options: { cwd: string; env: Record<string, string> },
) {
  const child = Bun.spawn(["setpriv", "--reuid", String(uid), "--regid", String(uid), "--clear-groups", DT, ...args], {
    ...options,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  await child.exited;
  return { code: child.exitCode, stdout, stderr };
}

export function writeFile(path: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text, { mode });
}
