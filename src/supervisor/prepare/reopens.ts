/**
 * Whether a command reopens its own output by name (`> /dev/stderr`, `/proc/self/fd/1`), which would truncate its log
 * (sys/spawn/drain.ts). dt reads what the command runs: the text of `run`, the files it names, and the files that
 * scripts among these name, as far as they are small texts. Where that shows nothing, as in a compiled program, dt
 * learns: a host that sees the log shrink leaves a mark, and from its next run on the key counts as one that does.
 *
 * Known limit: the first run of a command in which this is not visible. `logs: { pipe: true }` declares it.
 */
import { closeSync, constants, openSync, readSync, statSync } from "node:fs";
import { basename, resolve } from "node:path";
import type { Ground, LaunchSpec } from "../launch/types.ts";
import type { PreparedCommand } from "./command.ts";

/** `/dev/stdout`, `/dev/fd/2`, `/proc/$$/fd/1`, and descriptor numbers that a program inserts. */
const NAMES = /\/dev\/std(?:out|err)\b|\/fd\/["'`]?[12${%+ ]/;
const MOST_BYTES = 256 * 1024;
/** A larger text is not searched for names of files. */
const MOST_FOLLOWED = 16 * 1024;
const MOST_LOOKS = 64;
const BETWEEN_WORDS = /[\s"'`;|&()<>=,{}[\]]+/;
const INTERPRETER = /^(?:.*\/)?(?:[bdz]?a?sh|source|python[\d.]*|node|bun|ruby|perl)$/;
/** These run a file that they find by its name. */
const IMPLIED: Readonly<Record<string, readonly string[]>> = {
  npm: ["package.json"],
  pnpm: ["package.json"],
  yarn: ["package.json"],
  bun: ["package.json"],
  make: ["Makefile", "makefile", "GNUmakefile"],
  just: ["justfile", "Justfile"],
};

interface ReopensQuery {
  spec: Pick<LaunchSpec, "key"> & { settings: Pick<LaunchSpec["settings"], "logs"> };
  prepared: Pick<PreparedCommand, "argv" | "cwd" | "environment">;
}

export function reopensOutput(
  { store, root }: Pick<Ground, "store" | "root">,
  { spec: { key, settings }, prepared: { argv, cwd, environment } }: ReopensQuery,
): boolean {
  // The project's own programs: `node_modules/.bin`.
  const bins = (environment.env.PATH ?? "").split(":").filter((one) => one.startsWith(`${root}/`));
  return (
    settings.logs.pipe ?? (namesOutput(argv, [cwd, ...bins]) || store.read(markOf(key), () => true).is === "there")
  );
}

/** Notes that the log was seen to shrink. */
export function noteCut({ store }: Pick<Ground, "store">, key: string): void {
  store.write(markOf(key), { version: 1 });
}

const markOf = (key: string) => `${key}.cut.json`;

/** `places`: the working directory, then other directories that may hold what is run. */
export function namesOutput(argv: readonly string[], places: readonly string[]): boolean {
  const seen = new Set<string>();
  let looks = 0;
  const waiting = [{ text: argv.join("\n"), isRun: true, isScript: true }];
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    if (NAMES.test(next.text)) return true;
    if (!next.isScript || next.text.length > MOST_FOLLOWED) continue;
    for (const name of filesNamedIn(next.text, next.isRun)) {
      if (seen.has(name) || looks >= MOST_LOOKS) continue;
      seen.add(name);
      looks++;
      const text = readFirst(name, next.isRun ? places : places.slice(0, 1));
      if (text !== null) waiting.push({ text, isRun: false, isScript: isScript(name, text) });
    }
  }
  return false;
}

/** Whether the file runs the programs that it names, rather than only mentioning them. */
function isScript(name: string, text: string): boolean {
  const file = basename(name);
  return (
    (text.startsWith("#!") && /^#!.*sh\b/.test(text)) ||
    /\.[bdz]?a?sh$/.test(file) ||
    !file.includes(".") ||
    file === "package.json"
  );
}

/** In a script, words with a `.` or a `/` and the arguments of an interpreter; in `run`, which is short, every word. */
function filesNamedIn(text: string, isRun: boolean): string[] {
  const words = text.split(BETWEEN_WORDS).filter((word) => word !== "" && word.length < 256);
  return words.flatMap((word, at) => {
    const isNamed = isRun || /[./]/.test(word) || INTERPRETER.test(words[at - 1] ?? "");
    return [...(isNamed ? [word] : []), ...(IMPLIED[basename(word)] ?? [])];
  });
}

function readFirst(name: string, places: readonly string[]): string | null {
  for (const place of places) {
    const text = readText(resolve(place, name));
    if (text !== null) return text;
  }
  return null;
}

/** Null for anything but a small text. */
function readText(path: string): string | null {
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (!stat?.isFile() || stat.size === 0 || stat.size > MOST_BYTES) return null;
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const bytes = Buffer.alloc(stat.size);
      const read = bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, 0));
      if (read.includes(0)) return null;
      const text = read.toString("latin1");
      return basename(path) === "package.json" ? scriptsOf(text) : text;
    } finally {
      closeSync(fd);
    }
  } catch {
    return null;
  }
}

function scriptsOf(text: string): string {
  const { scripts } = JSON.parse(text) as { scripts?: Record<string, unknown> };
  return Object.values(scripts ?? {}).join("\n");
}
