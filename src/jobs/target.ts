/**
 * Names the target that a changed path belongs to: the path itself, a pattern filled with parts of it, or what the
 * manifest's own function returns, called in a child.
 */
import { basename, dirname, extname } from "node:path";
import { DtError, EXIT, messageOf } from "../sys/base/error.ts";
import { HIDDEN } from "../sys/base/hidden.ts";
import { sameBuildCommand } from "../sys/base/self.ts";
import { bunSpawn } from "../sys/spawn/bunspawn.ts";

export type Target = { is: "path" } | { is: "pattern"; text: string } | { is: "function"; file: string; index: number };

/** Null: the path belongs to no target. */
export type NamedTarget = { path: string; target: string | null };

/** `{path}`, `{dir}`, `{name}`, `{stem}` (the name without its ending) and `{ext}`. */
export function fillPattern(text: string, path: string): string {
  const ext = extname(path);
  const parts: Record<string, string> = {
    path,
    dir: dirname(path),
    name: basename(path),
    stem: basename(path, ext),
    ext,
  };
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => parts[name] ?? whole);
}

export interface AskOptions {
  root: string;
  env: Record<string, string>;
  /** Throws when this manifest's code may not be run. */
  check(file: string): void;
}

const LIMIT_MS = 15_000;

export async function nameTargets(
  target: Target,
  { paths, ...options }: { paths: readonly string[] } & AskOptions,
): Promise<NamedTarget[]> {
  if (target.is === "path") return paths.map((path) => ({ path, target: path }));
  if (target.is === "pattern") return paths.map((path) => ({ path, target: fillPattern(target.text, path) }));
  return askFunction(target, { paths, ...options });
}

/** The manifest is its author's code: it runs in a process of its own, with a time limit. */
async function askFunction(
  { file, index }: Extract<Target, { is: "function" }>,
  { paths, root, env, check }: { paths: readonly string[] } & AskOptions,
): Promise<NamedTarget[]> {
  check(file);
  const child = bunSpawn([...sameBuildCommand(), HIDDEN.target, file, String(index)], {
    cwd: root,
    env: { ...env, DIALTONE_ROOT: root },
    stdin: new TextEncoder().encode(JSON.stringify(paths)),
    stdout: "pipe",
    stderr: "pipe",
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  clearTimeout(timer);
  const said = out.trimEnd().split("\n").at(-1) ?? "";
  let names: unknown;
  try {
    names = JSON.parse(said);
  } catch {
    names = null;
  }
  if (code !== 0 || !Array.isArray(names) || names.length !== paths.length)
    throw new DtError(
      "bad-target",
      `${file}: watch.${index}.target could not be asked: ${err.trim() || `it ended with ${code}`}`,
    );
  return paths.map((path, at) => ({ path, target: typeof names[at] === "string" ? (names[at] as string) : null }));
}

/**
 * `dt __target <manifest> <index>`: reads paths as JSON from standard input, and prints one target, or null, for each.
 */
export async function runTargetChild(
  [file = "", index = ""]: readonly string[],
  input: string,
): Promise<{ status: number; out: string; err: string }> {
  try {
    const { loadTarget } = await import("../manifest/load/target.ts");
    const name = await loadTarget(file, Number(index));
    const names: unknown[] = [];
    for (const path of JSON.parse(input) as string[]) names.push((await name(path)) ?? null);
    return { status: EXIT.done, out: `${JSON.stringify(names)}\n`, err: "" };
  } catch (error) {
    return { status: EXIT.failed, out: "", err: `${messageOf(error)}\n` };
  }
}
